"""Reading and writing probes and reports."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us
from audiosense_collector.detectability.tables import DetectabilityRow, ProbeRow
from audiosense_collector.models.tables import Model
from audiosense_collector.training.probing import ProbeSet
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import ProbeColumns


async def put_probes(session: AsyncSession, message: ProbeColumns, features: bytes) -> None:
    """Keep a sensor's probes in place of the ones before; ``features`` is the checked matrix."""
    content = {
        "created": now_us(),
        "schema_id": message.features.schema_id,
        "seed": message.seed,
        "kinds": message.kinds,
        "kind": np.array(message.kind, np.uint8).tobytes(),
        "level_db": np.array(message.level_db, "<f4").tobytes(),
        "window_us": np.array(message.window_us, "<i8").tobytes(),
        "features": features,
    }
    query = insert(ProbeRow).values(sensor_id=message.sensor, **content)
    await session.execute(query.on_conflict_do_update(index_elements=[ProbeRow.sensor_id], set_=content))


async def read_probes(session: AsyncSession, sensor_id: UUID, schema_id: str) -> tuple[int, ProbeSet] | None:
    """Return when a sensor's probes came and the probes; None without any of this schema."""
    row = await session.get(ProbeRow, sensor_id)
    if row is None or row.schema_id != schema_id or schema_id not in SCHEMAS:
        return None
    width = len(SCHEMAS[schema_id])
    return row.created, ProbeSet(
        features=np.frombuffer(row.features, "<f2").reshape(-1, width),
        schema_id=schema_id,
        kinds=tuple(row.kinds),
        kind=np.frombuffer(row.kind, np.uint8).astype(np.int64),
        level_db=np.frombuffer(row.level_db, "<f4").astype(np.float64),
        time_us=np.frombuffer(row.window_us, "<i8").astype(np.int64),
    )


async def put_report(session: AsyncSession, digest: str, probes_created: int, report: dict[str, Any]) -> None:
    """Keep a model's report in place of the one before."""
    content = {"created": now_us(), "probes_created": probes_created, "report": report}
    query = insert(DetectabilityRow).values(digest=digest, **content)
    await session.execute(query.on_conflict_do_update(index_elements=[DetectabilityRow.digest], set_=content))


async def read_reports(session: AsyncSession, models: Iterable[Model]) -> dict[str, DetectabilityRow]:
    """Return the reports of models by digest; one that was pushed again has that of the model it was made from."""
    origin = {model.digest: {model.digest, model.pushed_from or model.digest} for model in models}
    wanted = set().union(*origin.values()) if origin else set()
    rows = await session.scalars(select(DetectabilityRow).where(DetectabilityRow.digest.in_(wanted)))
    known = {row.digest: row for row in rows}
    found = {}
    for digest, digests in origin.items():
        row = known.get(digest) or next((known[each] for each in digests if each in known), None)
        if row is not None:
            found[digest] = row
    return found
