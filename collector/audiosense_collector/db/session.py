"""The session of a request: the request ends the transaction, before the answer is sent."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.trail import end_request


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    async with request.app.state.runtime.sessions.begin() as session:
        yield session
        if request.method not in {"GET", "HEAD"}:
            await end_request(session, request.path_params)


Session = Annotated[AsyncSession, Depends(_session, scope="function")]
"""Committed when the path function has returned, rolled back when it raised; only then is the answer sent."""
