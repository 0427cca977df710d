"""A real collector in a thread: both servers over TLS, a real database; it comes back on the port that it had."""

import asyncio
import threading
from urllib.parse import urlsplit

import psycopg

from audiosense_agent.config import Settings as AgentSettings
from audiosense_agent.enrolment import enrol
from audiosense_collector.agents.keys import create_key
from audiosense_collector.clock import DAY_US
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.runtime import prepare_data_dir
from audiosense_collector.server import running
from audiosense_collector.settings import Settings


class RealCollector:
    def __init__(self, folder, database_url, **settings):
        prepare_data_dir(folder)
        self._settings = Settings(
            _env_file=None,
            data_dir=folder,
            agent_host="127.0.0.1",
            agent_port=0,
            http_port=0,
            dashboard_dir=folder,
            **settings,
        )
        self.database_url = database_url
        self.url = ""
        self._key = ""
        self._stop = None

    def start(self):
        started, failures = threading.Event(), []

        def run():
            try:
                asyncio.run(self._serve(started))
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                started.set()

        self._thread = threading.Thread(target=run, name="collector")
        self._thread.start()
        assert started.wait(60)
        assert not failures

    def stop(self):
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(60)
            assert not self._thread.is_alive()
            self._stop = None

    async def _serve(self, started):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with running(self._settings, self.database_url) as (addresses, runtime, _):
            self.url = addresses.agents
            port = urlsplit(addresses.agents).port
            self._settings = self._settings.model_copy(update={"agent_port": port})
            if not self._key:
                async with runtime.sessions.begin() as session:
                    trust = runtime.tls.ca_digest
                    key = await create_key(session, url=self.url, trust=trust, uses=100, lifetime_us=DAY_US)
                self._key = key.encode()
            started.set()
            await self._stop.wait()

    def enrol(self, settings: AgentSettings):
        """Enrol an agent as a user would."""
        return enrol(settings, self._key)

    def query(self, statement, *values):
        with psycopg.connect(libpq_url(self.database_url), autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()
