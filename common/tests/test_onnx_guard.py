import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_common.errors import BundleError
from audiosense_common.onnx_guard import MAX_DEPTH, MAX_MODEL_BYTES, check_graph


def varint(value):
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*content, value])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


MODEL_IR, MODEL_GRAPH, MODEL_OPSET, MODEL_TRAINING, MODEL_FUNCTIONS = 1, 7, 8, 20, 25
GRAPH_NODE, GRAPH_TENSOR, GRAPH_SPARSE = 1, 5, 15
NODE_OP, NODE_ATTRIBUTE, NODE_DOMAIN = 4, 5, 7
EXTERNAL = field(14, 1) + field(13, field(1, b"location") + field(2, b"/etc/passwd"))
OPSETS = field(8, field(1, b"") + field(2, 18)) + field(8, field(1, b"ai.onnx.ml") + field(2, 3))


def model(graph):
    return field(MODEL_IR, 8) + OPSETS + field(MODEL_GRAPH, graph)


def node(attribute=b"", domain=b"ai.onnx.ml"):
    return field(GRAPH_NODE, field(NODE_OP, b"Op") + field(NODE_DOMAIN, domain) + field(NODE_ATTRIBUTE, attribute))


HARMLESS = model(node(field(5, field(1, 3) + field(9, b"\x00" * 12))) + field(GRAPH_TENSOR, field(14, 0)))


def reason(content):
    with pytest.raises(BundleError) as caught:
        check_graph(content)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_a_graph_of_standard_operators_is_taken():
    check_graph(HARMLESS)


@pytest.mark.parametrize(
    "place",
    [
        field(GRAPH_TENSOR, EXTERNAL),
        field(GRAPH_TENSOR, field(14, 1)),
        field(GRAPH_TENSOR, field(13, b"")),
        field(GRAPH_SPARSE, field(1, EXTERNAL)),
        field(GRAPH_SPARSE, field(2, EXTERNAL)),
        node(field(5, EXTERNAL)),
        node(field(10, b"") + field(10, EXTERNAL)),
        node(field(22, field(1, EXTERNAL))),
        node(field(23, field(2, EXTERNAL))),
        node(field(6, field(GRAPH_TENSOR, EXTERNAL))),
        node(field(11, node(field(6, node(field(5, EXTERNAL)))))),
    ],
)
def test_external_data_is_refused_wherever_a_tensor_can_stand(place):
    assert reason(model(place)) == "external_data"


def test_external_data_in_a_second_graph_field_is_refused_because_parsers_merge_both():
    assert reason(HARMLESS + field(MODEL_GRAPH, field(GRAPH_TENSOR, EXTERNAL))) == "external_data"


@pytest.mark.parametrize(
    "content",
    [
        model(node(domain=b"com.microsoft")),
        model(node(domain=b"ai.onnx.ml\x00")),
        model(node(domain=b"\xff\xfe")),
        model(node(field(6, node(domain=b"evil")))),
        HARMLESS + field(MODEL_OPSET, field(1, b"ai.onnx.preview.training")),
        HARMLESS + field(MODEL_FUNCTIONS, b""),
    ],
)
def test_operators_outside_the_standard_domains_are_refused(content):
    assert reason(content) == "custom_operator"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"not an onnx file at all",
        field(MODEL_IR, 8),
        field(MODEL_GRAPH, 5),
        HARMLESS[:-1],
        HARMLESS + b"\xff" * 11,
        HARMLESS + b"\x0b",
        HARMLESS + field(MODEL_TRAINING, b""),
        bytes(MAX_MODEL_BYTES + 1),
    ],
)
def test_what_is_no_inference_graph_is_refused(content):
    assert reason(content) == "graph"


def test_nesting_is_bounded():
    graph = node()
    for _ in range(MAX_DEPTH):
        graph = node(field(6, graph))
    assert reason(model(graph)) == "graph"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_bundle_errors(content):
    assert reason_or_none(content) in {None, "graph", "custom_operator", "external_data"}


@given(st.data())
def test_mutated_graphs_raise_nothing_but_bundle_errors(data):
    content = bytearray(model(node(field(5, field(9, b"abc")) + field(6, node()))))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    assert reason_or_none(bytes(content[:cut])) in {None, "graph", "custom_operator", "external_data"}


def reason_or_none(content):
    try:
        check_graph(content)
    except BundleError as error:
        return error.reason
    return None
