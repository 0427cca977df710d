"""Parameters of the training calls, which clients send in the query or in a JSON or form body."""

import json
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from audiosense_collector.developer.schemas import TrainParameters
from audiosense_collector.errors import BadRequestError, TooLargeError

MAX_BODY_BYTES = 64 * 2**10
_NAMES = tuple(TrainParameters.model_fields)


async def _train_parameters(request: Request) -> TrainParameters:
    """Take the query's parameters first, then the body's; unknown and empty ones are ignored."""
    given = _known(await _read_body(request), "body") | _known(request.query_params, "query")
    try:
        return TrainParameters.model_validate({name: value for name, (value, _) in given.items()})
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": (given[str(item["loc"][0])][1], *item["loc"])} for item in error.errors()]
        ) from None


TrainParametersOf = Annotated[TrainParameters, Depends(_train_parameters)]

_MODEL = TrainParameters.model_json_schema()
TRAIN_OPENAPI: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": _MODEL["properties"][name]} for name in _NAMES
    ],
    "requestBody": {
        "required": False,
        "content": {media: {"schema": _MODEL} for media in ("application/json", "application/x-www-form-urlencoded")},
    },
}


def _known(given: Any, place: str) -> dict[str, tuple[Any, str]]:
    return {name: (given[name], place) for name in _NAMES if name in given and given[name] not in (None, "")}


async def _read_body(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes; send window_size and threshold_pct")
    kind = request.headers.get("content-type", "")
    if "form" in kind:
        return await _form(request, bytes(body))
    if not body.strip() or ("json" not in kind and not body.lstrip().startswith(b"{")):
        return {}
    return _json_object(bytes(body))


async def _form(request: Request, body: bytes) -> Any:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async with Request(request.scope, receive).form(max_files=0, max_fields=100) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}


def _json_object(body: bytes) -> Any:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise BadRequestError(f"the body is no JSON: {error}; send an object, or no body", loc="body") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequestError(f"the body is a JSON {type(value).__name__}, expected an object or no body", loc="body")
    return value
