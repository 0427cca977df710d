"""Examples in the OpenAPI document: what a collector really answered, kept beside this file.

``AUDIOSENSE_RECORD_EXAMPLES=1 python -m pytest collector/tests/openapi`` records them anew; the same test sees that a
collector's answers still look like them.
"""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("openapi_examples.json")
JSON = "application/json"
_DETAILS = {
    400: "the body is no zstd: unknown frame",
    401: "nobody is signed in; sign in on the dashboard, or send 'Authorization: Bearer' with an API token",
    403: "this needs the role operator, 'anna' has viewer; ask an administrator to do it, or for the role",
    404: "there is no sensor 4d0c2a4e-7a0b-4a57-8d54-0d1c0f3c9f11",
    408: "the body came in too slowly; send it again over a better network",
    409: "export 0f9d5a57-8f55-4b0e-9a2b-6f8c6a1f7a10 is waiting, there is no file; ask again when it is done",
    413: "the body is larger than 1048576 bytes; send less at once",
    415: "Content-Encoding 'br' is not taken; send zstd, gzip or none",
    422: "to_us: 5 is not after from_us, 1795867200000000",
    429: "too many attempts with a wrong password; try again in 30 seconds",
    503: "the database is not available just now; try again in a few seconds",
}


def document_examples(document: dict[str, Any]) -> None:
    """Add an example to each JSON body of a request and of a successful answer, and to each error."""
    examples = json.loads(FILE.read_text())
    errors = {f"error_{status}": {"value": _problem(status)} for status in _DETAILS}
    document.setdefault("components", {})["examples"] = errors
    for path in document["paths"].values():
        for operation in path.values():
            known = examples.get(operation["operationId"], {})
            request = operation.get("requestBody", {}).get("content", {}).get(JSON)
            if request is not None and "request" in known:
                request["examples"] = {"request": {"value": known["request"]}}
            for status, response in operation["responses"].items():
                for media, content in response.get("content", {}).items():
                    if int(status) >= HTTPStatus.BAD_REQUEST:
                        content["examples"] = {"error": {"$ref": f"#/components/examples/error_{status}"}}
                    elif media == JSON and "response" in known:
                        content["examples"] = {"answer": {"value": known["response"]}}


def _problem(status: int) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    found = {"type": "about:blank", "title": title, "status": status, "detail": _DETAILS[status]}
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        found["errors"] = [{"loc": "to_us", "msg": _DETAILS[status]}]
    return found
