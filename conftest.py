"""PostgreSQL for all suites: one server for a run, shared by its workers, and a migrated database for each module."""

import fcntl
import functools
import gc
import hashlib
import importlib
import os

# Before NumPy is imported. The workers share the processors; threads that wait for each other by spinning take theirs.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import shutil
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url
from xdist.scheduler import LoadScopeScheduling

from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import migrate
from deploy.testing import warm

TOGETHER = {
    "pages": (
        "dashboard/tests/test_accessibility.py",
        "dashboard/tests/test_components.py",
        "dashboard/tests/test_[o-z]*",
    ),
    "pages of machines": ("dashboard/tests/*",),
    "sound": ("collector/tests/training/quality/*",),
}
"""Files whose tests share a server, or sound, by the first of the patterns that fits. Of the dashboard's there are two
servers: one worker with all of them would be the last by minutes, and what looks at all pages does so sooner where few
machines are."""
LONGEST_FIRST = ("pages", "pages of machines", "collector/tests/test_server.py", "collector/tests/test_worker.py")
APART = ("agent/tests/test_model_crashes.py", "agent/tests/test_unplugging.py", "deploy/tests/test_demo.py")
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
MEMORY_BYTES = 8 << 30
"""What must be free for tests to keep their files in memory: several times what a run of them needs."""
MakeDatabase = Callable[..., str]
# How long an example takes says how busy the computer is, and no more.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.load_profile("default")
_HELD = pytest.StashKey[EmbeddedServer]()


def _base(config: pytest.Config) -> Path:
    """Return the base folder of the whole run, the same in every worker."""
    own = config._tmp_path_factory.getbasetemp()  # noqa: SLF001 - the hook below has no fixtures
    return own.parent if hasattr(config, "workerinput") else own


def _template(base: Path) -> str:
    return f"audiosense_template_{hashlib.sha256(os.fsencode(base)).hexdigest()[:12]}"


def _server(base: Path) -> EmbeddedServer:
    digest = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
    return EmbeddedServer(Path(tempfile.gettempdir()) / f"audiosense-tests-{digest}", FAST)


@contextmanager
def _lock(base: Path) -> Iterator[None]:
    with (base / "postgresql.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _memory() -> str | None:
    """Return a folder in memory for what tests write, where there is one with room in which programs may run.

    There nothing waits for a disk: each of hundreds of collectors and agents has it write what it must not lose.
    """
    place = Path("/dev/shm")
    if "TMPDIR" in os.environ or not os.access(place, os.W_OK | os.X_OK) or os.path.realpath(place) != str(place):
        return None
    found = os.statvfs(place)
    has_room = found.f_bavail * found.f_frsize >= MEMORY_BYTES <= psutil.virtual_memory().available
    return str(place) if has_room and not found.f_flag & os.ST_NOEXEC else None


if _place := _memory():
    os.environ["TMPDIR"] = tempfile.tempdir = _place


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each worker a numba cache of its own: librosa's, shared by processes that write at once, gets corrupt.

    What numba compiles for the oracle is used once, so it need not be fast.
    """
    os.environ["NUMBA_CACHE_DIR"] = str(config._tmp_path_factory.getbasetemp() / "numba")  # noqa: SLF001
    os.environ.setdefault("NUMBA_OPT", "0")


def _when_called(decorator: Callable[..., Any]) -> Callable[..., Any]:
    """Let what a decorator of numba compiles wait until somebody calls it."""

    def decorated(*options: Any, **more: Any) -> Callable[..., Any]:
        def waiting(function: Callable[..., Any]) -> Callable[..., Any]:
            compiled = functools.cache(lambda: decorator(*options, **more)(function))

            @functools.wraps(function)
            def call(*arguments: Any, **named: Any) -> Any:
                return compiled()(*arguments, **named)

            return call

        return waiting

    return decorated


@pytest.fixture(scope="session")
def oracle() -> None:
    """Import librosa, which else has half a minute's worth compiled of which no test calls anything."""
    import numba  # noqa: PLC0415

    with pytest.MonkeyPatch.context() as patch:
        for name in ("guvectorize", "vectorize"):
            patch.setattr(numba, name, _when_called(getattr(numba, name)))
        for name in ("core", "feature", "filters", "onset", "util"):
            vars(importlib.import_module(f"librosa.{name}"))
        # Names of these are imported when they are asked for.
        import librosa  # noqa: PLC0415

        assert all((librosa.zero_crossings, librosa.piptrack, librosa.onset.onset_strength, librosa.feature.rms))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Gives the tests of a file to one worker, so that what they share is made once; of some folders all of them.

    The longest groups are given out first, then those of most tests. Files of a few long tests that share nothing are
    spread, at the end, which keeps all workers busy. The marks of pytest-xdist itself have no effect with this pytest:
    they change a copy of a test's name.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path in APART:
            return nodeid
        return next((name for name, files in TOGETHER.items() if any(fnmatch(path, each) for each in files)), path)

    def _assign_work_unit(self, node: Any) -> None:
        for scope in reversed(LONGEST_FIRST):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Group the tests of ``--dist loadgroup``."""
    return ByFile(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while modules and cases are made, nor among them ever after: all of them stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, obj: Any) -> Generator[None, Any, Any]:
    """Leave out what ``-m "not soak"`` would deselect, before cases are made of it: of one there are hundreds."""
    found = yield
    left_out = "not soak" in collector.config.getoption("markexpr").split(" and ")
    marks = getattr(obj, "__dict__", {}).get("pytestmark")
    is_soak = isinstance(marks, list) and any(mark.name == "soak" for mark in marks)
    return [] if left_out and is_soak else found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With AUDIOSENSE_REQUIRE_ALL a test may not skip, unless what it lacks are recordings."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("AUDIOSENSE_REQUIRE_ALL"):
        reason = str(report.longrepr)
        if "AUDIOSENSE_RECORDINGS" not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, which AUDIOSENSE_REQUIRE_ALL forbids: {reason}"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove what the run's workers shared when the whole run is over: the template, the server."""
    warm.close()
    if hasattr(session.config, "workerinput"):
        return
    base = _base(session.config)
    given = os.environ.get("DATABASE_URL")
    if given and (base / "postgresql.lock").exists():
        _drop(given, _template(base))
    # A run without workers has used the server itself; while it is held it would not be stopped.
    if _HELD in session.config.stash:
        session.config.stash[_HELD]._forget()  # noqa: SLF001
    server = _server(base)
    if server.folder.exists():
        server.start()
        server.release()
        shutil.rmtree(server.folder)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> str:
    """Address of a server's maintenance database: ``DATABASE_URL`` where set, else the run's embedded server."""
    given = os.environ.get("DATABASE_URL")
    if given:
        return given
    base = _base(pytestconfig)
    with _lock(base):
        server = _server(base)
        server.start()
    # Kept in use until this process ends, so that no other worker's release stops it.
    pytestconfig.stash[_HELD] = server
    pytestconfig.add_cleanup(server._forget)  # noqa: SLF001
    return server.url("postgres")


@pytest.fixture(scope="session")
def template(postgres: str, pytestconfig: pytest.Config) -> str:
    """Name of a migrated database that is copied for the tests."""
    name = _template(_base(pytestconfig))
    with _lock(_base(pytestconfig)), psycopg.connect(libpq_url(postgres), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            migrate(_database(postgres, name))
    return name


@pytest.fixture(scope="session")
def make_database(postgres: str, template: str, pytestconfig: pytest.Config) -> Iterator[MakeDatabase]:
    """Make migrated databases; ``make_database(migrated=False)`` makes an empty one. Each is dropped at the end."""
    made = []

    def make(*, migrated: bool = True) -> str:
        name = f"audiosense_test_{uuid.uuid4().hex}"
        source = template if migrated else "template0"
        with _lock(_base(pytestconfig)), psycopg.connect(libpq_url(postgres), autocommit=True) as connection:
            command = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
            connection.execute(sql.SQL(command).format(sql.Identifier(name), sql.Identifier(source)))
        made.append(name)
        return _database(postgres, name)

    yield make
    for name in made:
        _drop(postgres, name)


@pytest.fixture(scope="module")
def database_url(make_database: MakeDatabase) -> str:
    """Address of a migrated database of the module's own."""
    return make_database()


def _database(postgres: str, name: str) -> str:
    return make_url(postgres).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)


def _drop(postgres: str, name: str) -> None:
    with psycopg.connect(libpq_url(postgres), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
