"""Exports as the interface shows them."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from audiosense_collector.queue.schemas import JobState
from audiosense_collector.series.export import Format
from audiosense_collector.series.plan import Resolution
from audiosense_common.wire import TIME_LIMIT_US

MOST_SENSORS = 1_000
TimeUs = Annotated[int, Field(ge=0, lt=TIME_LIMIT_US, description="UTC microseconds")]


class ExportRequest(BaseModel):
    """Write all that is stored of some sensors from ``from_us`` to ``to_us`` (not included; now, if left out).

    ``features`` are names, as ``GET /api/v1/features`` lists them, or ``*`` for all.
    """

    model_config = ConfigDict(extra="forbid")

    sensors: Annotated[list[UUID], Field(min_length=1, max_length=MOST_SENSORS)]
    from_us: TimeUs
    to_us: TimeUs | None = None
    resolution: Resolution = Resolution.RAW
    format: Format = Format.CSV
    features: Annotated[list[Annotated[str, Field(max_length=120)]], Field(max_length=1_000)] = []


class ExportOut(BaseModel):
    """An export; once it is done, ``GET /api/v1/exports/{id}/file`` fetches it until ``expires_us``."""

    id: UUID
    job_id: int
    state: JobState
    progress: Annotated[float, Field(ge=0, le=1, description="how much of the time that was asked for is written")]
    error: str | None
    actor: Annotated[str, Field(description="who asked for it")]
    asked_us: int
    sensors: list[UUID]
    from_us: int
    to_us: int
    resolution: Resolution
    format: Format
    features: list[str]
    rows: Annotated[int | None, Field(description="null until it is done")]
    bytes: int | None
    finished_us: int | None
    expires_us: Annotated[int | None, Field(description="when the file is deleted")]


class ExportPage(BaseModel):
    """Exports, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[ExportOut]
    next: str | None
