"""What the collector refused, kept apart."""

import sqlite3
import time

from audiosense_agent.spool.flight import InFlight, carried, carried_rescued, remove
from audiosense_agent.spool.gaps import LossReason
from audiosense_agent.spool.values import count

_CONTENT = (
    "json_object('seq', seq, 'sensor', sensor, 'time_us', {0}, 'score', score, 'status', status, 'model', model,"
    " 'level_dbfs', level_dbfs, 'dominant_hz', dominant_hz, 'schema', schema_id, 'features', hex(features),"
    " 'reasons', reasons)"
)
_TIME = "time_us + coalesce((SELECT offset_us FROM boot WHERE id = {0}.boot), 0)"
_BURY = "INSERT INTO dead_letter (kind, content, reason, buried_us)"


def bury(db: sqlite3.Connection, batch: InFlight, reason: str, most: int) -> None:
    """Move what a batch carried to the dead letters; the newest ``most`` of all are kept."""
    now_us = time.time_ns() // 1_000
    told = (reason, now_us)

    def content(table: str) -> str:
        return _CONTENT.format(_TIME.format(table))

    buried = 0
    for table, condition, values in (("measurement", *carried(batch)), ("rescued", *carried_rescued(batch))):
        query = f"{_BURY} SELECT 'measurement', {content(table)}, ?, ? FROM {table} WHERE {condition}"
        buried += db.execute(query, (*told, *values)).rowcount
    for row in batch.events:
        query = f"{_BURY} SELECT 'event', content, ?, ? FROM event WHERE id = ?"
        buried += db.execute(query, (*told, row)).rowcount
    count(db, "dead_letters", buried)
    remove(db, batch, LossReason.REFUSED)
    db.execute("DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?", (most,))
