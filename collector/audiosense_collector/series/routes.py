"""Series, spectrograms and features over HTTP."""

from collections.abc import AsyncGenerator, AsyncIterator
from threading import BoundedSemaphore
from typing import Annotated
from uuid import UUID

from anyio import CancelScope
from anyio.lowlevel import checkpoint
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.bulkhead import BUSY
from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.db.engine import Sessions
from audiosense_collector.db.session import Session
from audiosense_collector.errors import InvalidError, NotFoundError, UnavailableError, responses
from audiosense_collector.revalidation import NOT_MODIFIED, answer
from audiosense_collector.runtime import RuntimeOf
from audiosense_collector.series import export, service
from audiosense_collector.series.plan import Resolution
from audiosense_collector.series.schemas import Bands, FeatureOut, Series
from audiosense_collector.series.service import Wanted
from audiosense_collector.series.sources import Span
from audiosense_common.features import SCHEMA_ID
from audiosense_common.wire import TIME_LIMIT_US

router = APIRouter(prefix="/api/v1", tags=["series"], dependencies=[Requires(Role.VIEWER)])
MAX_COLUMNS = 2_000
_ERRORS = responses(NotFoundError, InvalidError, UnavailableError)
_EXPORTED = {media: {"schema": {"type": "string", "format": "binary"}} for media in export.MEDIA_TYPES.values()}
FromQuery = Annotated[
    int | None,
    Query(ge=0, lt=TIME_LIMIT_US, description="UTC microseconds; an hour before the end unless given"),
]
ToQuery = Annotated[
    int | None, Query(ge=0, lt=TIME_LIMIT_US, description="UTC microseconds, not included; now unless given")
]
FeaturesQuery = Annotated[
    str, Query(max_length=4_000, description="names, separated by commas; `GET /api/v1/features` lists them")
]


class Exported(StreamingResponse):
    """An export on its way; however it ends, what it held in the database is given back."""

    _places = BoundedSemaphore(export.AT_ONCE)

    def __init__(self, sessions: Sessions, wanted: export.Export, name: str) -> None:
        self._rows = export.write(sessions, wanted)
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        super().__init__(_whole_steps(self._rows), media_type=export.MEDIA_TYPES[wanted.format], headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; a reader that goes away ends it."""
        if not self._places.acquire(blocking=False):
            raise UnavailableError(f"{export.AT_ONCE} exports are on their way already; try again later", kind=BUSY)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._places.release()
            with CancelScope(shield=True):
                await self._rows.aclose()


async def _whole_steps(rows: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    """Yield what is written; a reader that goes away ends it between two pieces, never within a query."""
    while True:
        with CancelScope(shield=True):
            piece = await anext(rows, None)
        # To send to somebody who has gone is no wait, and without one nobody would hear that it is over.
        await checkpoint()
        if piece is None:
            return
        yield piece


def span_of(from_us: int | None, to_us: int | None) -> tuple[int, int]:
    """Return the span that is asked for, by default the last hour."""
    end = now_us() if to_us is None else to_us
    return max(0, end - HOUR_US) if from_us is None else from_us, end


@router.get("/sensors/{sensor_id}/series", response_model=Series, responses=_ERRORS | NOT_MODIFIED)
async def read_series(  # noqa: PLR0917 - FastAPI passes them by name
    sensor_id: UUID,
    request: Request,
    session: Session,
    runtime: RuntimeOf,
    from_us: FromQuery = None,
    to_us: ToQuery = None,
    points: Annotated[int, Query(ge=1, le=service.MAX_POINTS)] = 1_000,
    features: FeaturesQuery = "",
    *,
    reasons: Annotated[
        bool, Query(description="with the reasons of anomalous windows, where raw rows are shown")
    ] = False,
) -> Response:
    """Measurements of a span, by default the last hour: raw rows, minutes or hours, whichever serves it."""
    start, end = span_of(from_us, to_us)
    names = [name for name in features.split(",") if name]
    wanted = Wanted(sensor_id, start, end, points, names, reasons)
    return answer(request, await service.read_series(session, wanted, runtime.settings.retention))


@router.get("/sensors/{sensor_id}/bands", response_model=Bands, responses=_ERRORS | NOT_MODIFIED)
async def read_bands(  # noqa: PLR0917 - FastAPI passes them by name
    sensor_id: UUID,
    request: Request,
    session: Session,
    runtime: RuntimeOf,
    from_us: FromQuery = None,
    to_us: ToQuery = None,
    columns: Annotated[int, Query(ge=1, le=MAX_COLUMNS)] = 500,
) -> Response:
    """Third-octave levels over time, for a spectrogram; by default of the last hour."""
    start, end = span_of(from_us, to_us)
    wanted = Wanted(sensor_id, start, end, columns)
    return answer(request, await service.read_bands(session, wanted, runtime.settings.retention))


@router.get(
    "/sensors/{sensor_id}/export",
    response_class=StreamingResponse,
    responses=_ERRORS | {200: {"description": "The rows", "content": _EXPORTED}},
)
async def export_rows(  # noqa: PLR0917 - FastAPI passes them by name
    sensor_id: UUID,
    runtime: RuntimeOf,
    from_us: FromQuery = None,
    to_us: ToQuery = None,
    format_: Annotated[export.Format, Query(alias="format")] = export.Format.CSV,
    resolution: Annotated[Resolution, Query(description="raw rows, or roll-ups by minute or hour")] = Resolution.RAW,
    features: Annotated[str, Query(max_length=4_000, description="names, separated by commas, or `*` for all")] = "",
) -> StreamingResponse:
    """Everything that is stored of a span, by default the last hour, as a stream.

    CSV ends with the line `# rows: N`, Parquet with its footer: an export without them was cut off.
    """
    start, end = span_of(from_us, to_us)
    service.check_span(start, end)
    names = tuple(name for name in features.split(",") if name)
    export.check_features(names, resolution)
    async with runtime.sessions() as session:
        await service.read_sensor(session, sensor_id)
    wanted = export.Export(Span(sensor_id, start, end), resolution, format_, names)
    return Exported(runtime.sessions, wanted, f"{sensor_id}-{resolution}.{format_}")


@router.get("/features", responses=responses(NotFoundError))
async def list_features(schema: Annotated[str, Query(max_length=120)] = SCHEMA_ID) -> list[FeatureOut]:
    """The features of a schema."""
    return service.list_features(schema)
