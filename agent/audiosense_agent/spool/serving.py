"""The spool's file as it serves: one transaction at a time, and a new file in the place of a damaged one."""

import contextlib
import functools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

from audiosense_agent.errors import SpoolError, UnstorableError
from audiosense_agent.spool.file import (
    SQLITE_ERRORS,
    DamagedSpoolError,
    Retirement,
    epoch_file,
    give_reserve,
    has_damaged_values,
    is_damage,
    open_fresh,
    open_spool_file,
    retire,
    take_reserve,
)
from audiosense_agent.spool.read_only import Probe, leave_open
from audiosense_agent.spool.values import get, put

_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S", bound="SpoolFile")


def on_a_fresh_file(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R]:
    """Do again what met damage, on the new file: nothing of it was done on the one that was set aside."""

    @functools.wraps(method)
    def do(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(self, *args, **kwargs)
        except DamagedSpoolError:
            return method(self, *args, **kwargs)

    return do


class SpoolFile:
    """One connection for several threads, and the values that a spool keeps by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._retiring: Retirement | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = open_spool_file(path)
        self._probe = Probe(epoch_file(path))

    def close(self) -> None:
        """Close the file; everything committed is in it."""
        with self._lock:
            if self._probe.why_refused():
                leave_open(self._db)
            else:
                self._db.close()
            self._probe.close()

    @property
    def epoch(self) -> UUID:
        """This spool's life."""
        return UUID(self.get("epoch"))

    @property
    def previous_epoch(self) -> UUID | None:
        """The life before, where a spool was lost or had to be set aside."""
        try:
            return UUID(self.get("previous_epoch"))
        except ValueError:
            return None

    @on_a_fresh_file
    def get(self, key: str) -> str:
        """Return a stored value, or ``""``."""
        with self._transaction() as db:
            return get(db, key)

    @on_a_fresh_file
    def put(self, /, **values: str) -> None:
        """Store values durably."""
        with self._transaction() as db:
            put(db, values)

    @contextlib.contextmanager
    def _transaction(self, *, deleting: bool = False) -> Iterator[sqlite3.Connection]:
        """Run statements in one transaction; a damaged file is set aside.

        On a full disk, deletions get the reserve.
        """
        with self._lock:
            self._probe.check(self.path)
            self._open_fresh()
            if deleting:
                give_reserve(self.path, self._db)
            try:
                with self._db:
                    self._db.execute("BEGIN")
                    yield self._db
            except SQLITE_ERRORS as error:
                raise self._explain(error) from None
            finally:
                if deleting:
                    take_reserve(self.path)

    def _explain(self, error: Exception) -> SpoolError:
        if isinstance(error, sqlite3.IntegrityError) and not is_damage(error) and not has_damaged_values(self._db):
            return UnstorableError(
                f"the spool {self.path} cannot store a value that it was given: {error}; report this fault"
            )
        if not isinstance(error, sqlite3.IntegrityError) and not is_damage(error):
            return SpoolError(f"the spool {self.path} cannot be written: {error}; free space on its disk")
        self._db.close()
        self._retiring = Retirement(str(error))
        try:
            self._open_fresh()
        except SpoolError as problem:
            return problem
        return DamagedSpoolError(f"the spool {self.path} was damaged ({error}) and set aside; a new one serves")

    def _open_fresh(self) -> None:
        """Set a damaged file aside and open a new one; on a full or read-only disk that may take several tries."""
        if self._retiring is not None:
            self._db = open_fresh(self.path, retire(self.path, self._retiring))
            self._retiring = None
