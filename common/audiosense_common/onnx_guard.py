"""What an ONNX graph must not hold, checked on its bytes before ONNX Runtime reads them.

Field numbers are those of onnx.proto (ONNX IR, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). The ``onnx``
package is not needed, so that the agent stays light.
"""

from collections.abc import Iterator

from audiosense_common.errors import BundleError

MAX_MODEL_BYTES = 16 * 2**20
MAX_DEPTH = 32
"""Deepest nesting of messages; a forest needs 4, each subgraph of a control-flow operator 3 more."""
ALLOWED_DOMAINS = frozenset({b"", b"ai.onnx", b"ai.onnx.ml"})

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10
_CONTINUES = 0x80

_PARTS = {
    "model": {7: "graph", 8: "opset"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
}
_DOMAIN_FIELD = {"opset": 1, "node": 7}
_REFUSED_FIELDS = {
    ("model", 20): ("graph", "the model carries training information; export it for inference only"),
    ("model", 25): ("custom_operator", "the model defines functions of its own; export it with standard operators"),
    ("tensor", 13): ("external_data", "the model keeps a tensor in another file; export it as one file"),
}
_LOCATION_FIELD = ("tensor", 14)


def check_graph(model: bytes) -> None:
    """Refuse a graph that reaches outside its own bytes or the standard operators.

    Refused are external data, operator domains other than ``ai.onnx`` and ``ai.onnx.ml``, functions and training
    information, anything longer than ``MAX_MODEL_BYTES`` or deeper than ``MAX_DEPTH``, and what is no ONNX model.

    Raises:
        BundleError: with reason ``external_data``, ``custom_operator`` or ``graph``.
    """
    if len(model) > MAX_MODEL_BYTES:
        raise BundleError("graph", f"the model is {len(model)} bytes long, at most {MAX_MODEL_BYTES} are taken")
    graphs = 0
    pending = [("model", 0, len(model), 0)]
    while pending:
        kind, start, end, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise BundleError("graph", f"the model is nested deeper than {MAX_DEPTH} messages; export it flat")
        graphs += kind == "graph"
        parts, domain_field = _PARTS[kind], _DOMAIN_FIELD.get(kind)
        for number, wire_type, low, high in _fields(model, start, end):
            part = parts.get(number)
            if part is not None:
                _expect_bytes(kind, number, wire_type)
                pending.append((part, low, high, depth + 1))
            elif number == domain_field:
                _expect_bytes(kind, number, wire_type)
                _check_domain(model[low:high])
            elif (kind, number) in _REFUSED_FIELDS:
                raise BundleError(*_REFUSED_FIELDS[kind, number])
            elif (kind, number) == _LOCATION_FIELD and model[low:high].strip(b"\x00\x80"):
                raise BundleError(*_REFUSED_FIELDS["tensor", 13])
    if not graphs:
        raise BundleError("graph", "the model holds no graph; train it again")


def _check_domain(domain: bytes) -> None:
    if domain not in ALLOWED_DOMAINS:
        shown = domain[:60].decode("utf-8", "backslashreplace")
        raise BundleError(
            "custom_operator",
            f"the model needs operators of {shown!r}, only ai.onnx and ai.onnx.ml are taken; export it with those",
        )


def _expect_bytes(kind: str, number: int, wire_type: int) -> None:
    if wire_type != _BYTES:
        raise _malformed(f"field {number} of a {kind} has wire type {wire_type}, expected {_BYTES}")


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield number, wire type, and the span of the value of each field of a protobuf message."""
    while position < end:
        tag, position = _varint(data, position, end)
        number, wire_type = tag >> 3, tag & 7
        low = position
        if wire_type == _VARINT:
            _, position = _varint(data, position, end)
        elif wire_type == _BYTES:
            length, low = _varint(data, position, end)
            position = low + length
        elif wire_type == _FIXED32:
            position += 4
        elif wire_type == _FIXED64:
            position += 8
        else:
            raise _malformed(f"wire type {wire_type} at byte {low}")
        if number == 0 or position > end:
            raise _malformed(f"a field at byte {low} runs to byte {position} of {end}")
        yield number, wire_type, low, position


def _varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(position, min(end, position + _MAX_VARINT_BYTES)):
        byte = data[place]
        if byte < _CONTINUES:
            return value | byte << shift, place + 1
        value |= (byte & 0x7F) << shift
        shift += 7
    raise _malformed(f"a number at byte {position} does not end")


def _malformed(what: str) -> BundleError:
    return BundleError("graph", f"the model is no readable ONNX graph ({what}); fetch or train it again")
