"""Probes over HTTP, open to everybody: names of checks and whether they hold, nothing else."""

from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from audiosense_collector.auth.roles import PUBLIC
from audiosense_collector.health.service import Check
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(include_in_schema=False, dependencies=[PUBLIC])
Verdict = Literal["ok", "not ok"]
_NO_STORE = {"Cache-Control": "no-store"}


class Alive(BaseModel):
    """The process answers."""

    status: Verdict = "ok"


class Readiness(BaseModel):
    """Whether work can be done, and each check."""

    status: Verdict
    checks: dict[Check, Verdict]


@router.get("/healthz")
async def read_health(response: Response) -> Alive:
    """Answer while the process lives; nothing else is looked at, so that a lost database never has it restarted."""
    response.headers.update(_NO_STORE)
    return Alive()


@router.get("/readyz")
async def read_readiness(runtime: RuntimeOf, response: Response) -> Readiness:
    """Say whether database, schema, worker and queue are as they must be; 503 if not."""
    found = await runtime.health.ready()
    ready = all(found.values())
    response.status_code = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    response.headers.update(_NO_STORE)
    return Readiness(status=_word(ready), checks={check: _word(holds) for check, holds in found.items()})


def _word(holds: bool) -> Verdict:  # noqa: FBT001 - the one thing it turns into a word
    return "ok" if holds else "not ok"
