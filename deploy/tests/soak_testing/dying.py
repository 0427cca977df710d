"""Runs the agent or the collector and kills it with SIGKILL at a wanted write point: ``dying POINT COUNT FILE ...``.

A point is the place before or after a statement or a commit, named as in ``AGENT_POINTS`` and ``COLLECTOR_POINTS``;
the process dies when it comes by for the COUNT-th time, having written the point into FILE, and not before.
"""

import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

AGENT_POINTS = (
    "window: after INSERT INTO measurement",
    "window: after UPDATE sensor",
    "window: before commit",
    "window: after commit",
    "batch: after DELETE FROM in_flight",
    "batch: after INSERT INTO in_flight",
    "batch: before commit",
    "batch: after commit",
    "answer: after DELETE FROM measurement",
    "answer: after DELETE FROM in_flight",
    "answer: before commit",
    "answer: after commit",
)
COLLECTOR_POINTS = (
    "before COPY measurement",
    "after COPY measurement",
    "before COPY rollup_minute",
    "after UPDATE sensor",
    "after UPDATE agent",
    "before commit",
    "after commit",
)
_DELETED = "DELETE FROM measurement"
_COPIED = "COPY measurement"
_STORING = (_COPIED, "COPY rollup_minute", "UPDATE sensor", "UPDATE agent")


class _Death:
    def __init__(self, point: str, count: int, file: Path) -> None:
        self._point, self._left, self._file = point, count, file

    def come_by(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            with self._file.open("a", encoding="utf-8") as log:
                log.write(f"{point}\n")
            os.kill(os.getpid(), signal.SIGKILL)


def _kind(seen: list[str]) -> str | None:
    """What a transaction of the agent's spool is about, as far as it has come."""
    if "INSERT INTO measurement" in seen:
        return "window"
    if _DELETED in seen:
        return "answer"
    return "batch" if seen[:1] == ["DELETE FROM in_flight"] else None


def _dying_spool(death: _Death) -> type[sqlite3.Connection]:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            words = " ".join(sql.split()[:3]) if sql.startswith(("INSERT", "DELETE")) else " ".join(sql.split()[:2])
            if words == "BEGIN":
                self.seen: list[str] = []
            cursor = super().execute(sql, *arguments)
            if not words.startswith(("SELECT", "PRAGMA", "BEGIN")) and hasattr(self, "seen"):
                self.seen.append(words)
                death.come_by(f"{_kind(self.seen)}: after {words}")
            return cursor

        def __exit__(self, *error: object) -> Any:
            kind = _kind(getattr(self, "seen", []))
            death.come_by(f"{kind}: before commit")
            result = super().__exit__(*error)
            death.come_by(f"{kind}: after commit")
            return result

    return Connection


def _make_spool_die(death: _Death) -> None:
    connect, factory = sqlite3.connect, _dying_spool(death)

    def dying(database: Any, *arguments: Any, **options: Any) -> sqlite3.Connection:
        if str(database).endswith("spool.db"):
            options["factory"] = factory
        return connect(database, *arguments, **options)

    sqlite3.connect = dying  # type: ignore[assignment]


class _Database:
    """Lets transactions that store measurements die."""

    def __init__(self, death: _Death) -> None:
        self._death = death
        self._storing: set[int] = set()

    def patch(self) -> None:
        """Pass by the write points from now on."""
        cursor: Any = psycopg.AsyncCursor
        cursor.execute, cursor.executemany = self._around(cursor.execute), self._around(cursor.executemany)
        cursor.copy = self._around_copy(cursor.copy)
        psycopg.AsyncConnection.commit = self._around_commit(psycopg.AsyncConnection.commit)  # type: ignore[method-assign]
        from audiosense_collector.db import bulk_update  # noqa: PLC0415 - an agent that is to die has none
        from audiosense_collector.ingest import rows  # noqa: PLC0415

        rows.copy_each = self._around_copies(rows.copy_each)
        bulk_update.fetch_each = self._around_each(bulk_update.fetch_each)

    def _around_copies(self, copy_each: Any) -> Any:
        """Pass by the points between the copies of one query: the server asks for each as it is done with another."""

        async def dying(connection: Any, copies: Any) -> None:
            words = [next((found for found in _STORING if found in each.statement), "") for each in copies]
            if _COPIED in words:
                self._storing.add(id(connection))
            pairs = zip(copies, words, ["", *words], strict=False)
            await copy_each(
                connection, [replace(each, blocks=self._blocks(each.blocks, last, now)) for each, now, last in pairs]
            )
            self._come_by("after", words[-1])

        return dying

    def _blocks(self, blocks: Any, last: str, now: str) -> Any:
        self._come_by("after", last)
        self._come_by("before", now)
        yield from blocks

    def _around_each(self, fetch_each: Any) -> Any:
        """Pass by a commit that is sent with other statements: here they are sent one by one, to die between them."""

        async def dying(connection: Any, queries: Any) -> Any:
            if id(connection) not in self._storing:
                return await fetch_each(connection, queries)
            found = []
            for query in queries:
                plain = query.text.replace('"', "")
                words = "commit" if plain == "COMMIT" else next((each for each in _STORING if each in plain), "")
                self._come_by("before", words)
                found += await fetch_each(connection, [query])
                if words == "commit":
                    self._storing.discard(id(connection))
                self._come_by("after", words)
            return found

        return dying

    def _words(self, cursor: Any, query: Any) -> str:
        """Return the point's words for a statement of a transaction that stores measurements, else nothing."""
        plain = (query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else "").replace(
            '"', ""
        )
        words = next((found for found in _STORING if found in plain), "")
        if words == _COPIED:
            self._storing.add(id(cursor.connection))
        return words if id(cursor.connection) in self._storing else ""

    def _around(self, run: Any) -> Any:
        async def dying(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
            words = self._words(cursor, query)
            self._come_by("before", words)
            result = await run(cursor, query, *arguments, **options)
            self._come_by("after", words)
            return result

        return dying

    def _around_copy(self, copy: Any) -> Any:
        @asynccontextmanager
        async def dying(cursor: Any, statement: Any, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
            words = self._words(cursor, statement)
            self._come_by("before", words)
            async with copy(cursor, statement, *arguments, **options) as copying:
                yield copying
            self._come_by("after", words)

        return dying

    def _around_commit(self, commit: Any) -> Any:
        async def dying(connection: Any) -> None:
            known = id(connection) in self._storing
            self._come_by("before", "commit" if known else "")
            await commit(connection)
            self._storing.discard(id(connection))
            self._come_by("after", "commit" if known else "")

        return dying

    def _come_by(self, side: str, words: str) -> None:
        if words:
            self._death.come_by(f"{side} {words}")


def main() -> None:
    """Run ``sys.argv[4:]``, the module and its arguments, until it comes by the wanted point."""
    point, count, file, module, *arguments = sys.argv[1:]
    death = _Death(point, int(count), Path(file))
    sys.argv = [module, *arguments]
    if module == "audiosense_agent":
        _make_spool_die(death)
        from audiosense_agent.cli import main as run  # noqa: PLC0415 - after the patch
    else:
        _Database(death).patch()
        from audiosense_collector.cli import main as run  # noqa: PLC0415 - after the patch
    run()


if __name__ == "__main__":
    main()
