"""The browser's application on a real PostgreSQL, asked as a client on this computer would."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from audiosense_collector.app import create_app
from audiosense_collector.jobs import make_jobs
from audiosense_collector.runtime import open_runtime
from audiosense_collector.settings import Settings

OpenClient = Callable[..., Any]


@pytest.fixture
def open_client(database_url, tmp_path) -> OpenClient:
    @asynccontextmanager
    async def opened(address: str = "127.0.0.1", **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        values = {"data_dir": tmp_path, "dashboard_dir": tmp_path, "developer_mode": True, **settings}
        async with open_runtime(Settings(**values), database_url, make_jobs(database_url)) as runtime:
            transport = httpx.ASGITransport(create_app(runtime), client=(address, 40_000))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                yield client

    return opened


@pytest.fixture
async def client(open_client) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client() as client:
        await client.post("/v2/clear")
        yield client
