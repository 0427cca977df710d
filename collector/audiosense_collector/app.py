"""The two applications: one for browsers, one for agents."""

import asyncio
import copy
import functools
import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from audiosense_collector import system
from audiosense_collector.agents import routes as agents
from audiosense_collector.analyses import routes as analyses
from audiosense_collector.auth import administration, cookies
from audiosense_collector.auth import routes as auth
from audiosense_collector.auth.documenting import document_demands
from audiosense_collector.auth.middleware import Authentication
from audiosense_collector.auth.roles import Demands, demands_of
from audiosense_collector.checks import routes as checks
from audiosense_collector.clips import routes as clips
from audiosense_collector.dashboard import mount_dashboard
from audiosense_collector.detectability import routes as detectability
from audiosense_collector.developer import routes as developer
from audiosense_collector.developer.access import ROOTS, DeveloperCors
from audiosense_collector.drift import routes as drift
from audiosense_collector.errors import InvalidError, document_problems, install_handlers, responses
from audiosense_collector.events import routes as events
from audiosense_collector.exports import routes as exports
from audiosense_collector.gaps import routes as gaps
from audiosense_collector.health import routes as health
from audiosense_collector.ingest import routes as ingest
from audiosense_collector.ingest.lane import BatchLane
from audiosense_collector.live import routes as live
from audiosense_collector.machines import routes as machines
from audiosense_collector.metrics.requests import Observed
from audiosense_collector.model_evaluation import routes as model_evaluation
from audiosense_collector.models import routes as models
from audiosense_collector.notes import routes as notes
from audiosense_collector.openapi_examples import document_examples
from audiosense_collector.plant import routes as plant
from audiosense_collector.policies import routes as policies
from audiosense_collector.protection import BodyLimit, Protection
from audiosense_collector.queue import routes as jobs
from audiosense_collector.reviews import routes as reviews
from audiosense_collector.runtime import Runtime
from audiosense_collector.series import routes as series
from audiosense_collector.slowness import Punctual
from audiosense_collector.training import routes as training

BROWSER_ROUTERS = [
    health.router,
    system.router,
    machines.router,
    series.router,
    exports.router,
    events.router,
    reviews.router,
    training.router,
    jobs.router,
    models.router,
    model_evaluation.router,
    detectability.router,
    drift.router,
    agents.router,
    checks.router,
    gaps.router,
    notes.router,
    live.router,
    analyses.router,
    plant.router,
    policies.router,
    clips.router,
    auth.router,
    administration.router,
    developer.router,
]
AGENT_ROUTERS = [
    health.router,
    agents.agent_router,
    ingest.agent_router,
    models.agent_router,
    detectability.agent_router,
    clips.agent_router,
]
_BROWSERS, _AGENTS = "AudioSense", "AudioSense for agents"
DOCUMENT = "/api/v1/openapi.json"
_documents: dict[str, dict[str, Any]] = {}
"""OpenAPI documents by title: one takes a second, and is the same in all applications of a process."""
_ROUTERS = {_BROWSERS: BROWSER_ROUTERS, _AGENTS: AGENT_ROUTERS}


def create_app(runtime: Runtime) -> FastAPI:
    """Make the application for browsers: the interface under ``/api/v1``, the developer interface, the dashboard."""
    demands = demands_of(BROWSER_ROUTERS)
    app = _make(_BROWSERS, demands=demands)
    app.state.runtime = runtime
    public = [operation for operation, role in demands.items() if role is None]
    small = frozenset(path for method, path in public if method == "POST" and path.startswith("/api/"))
    app.add_middleware(BodyLimit, own=frozenset({"/api/v1/analyses", "/analyze"}), public=small)
    app.add_middleware(Punctual)
    app.add_middleware(Authentication, runtime=runtime, public=public, also=ROOTS)
    app.add_middleware(DeveloperCors, settings=runtime.settings)
    app.add_middleware(Protection, settings=runtime.settings)
    app.add_middleware(Observed, port="browser", access=runtime.settings.access_log)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=runtime.settings.trusted_proxies)
    mount_dashboard(
        app,
        runtime.settings.dashboard_dir,
        is_known=lambda scope: runtime.settings.demo or cookies.read(scope) is not None,
    )
    return app


def create_agent_app(runtime: Runtime) -> BatchLane:
    """Make the application for agents, with the lane for batches in front."""
    app = _make(_AGENTS)
    app.state.runtime = runtime
    app.add_middleware(BodyLimit, own=frozenset({"/api/v1/batches", "/api/v1/probes", "/api/v1/clips/"}))
    app.add_middleware(Punctual)
    app.add_middleware(Observed, port="agent", access=runtime.settings.access_log)
    return BatchLane(app, access=runtime.settings.access_log)


def browser_document() -> dict[str, Any]:
    """Return the OpenAPI document of the browser's interface; the dashboard's client is generated from it."""
    return _make(_BROWSERS, demands=demands_of(BROWSER_ROUTERS)).openapi()


def _make(title: str, *, demands: Demands | None = None) -> FastAPI:
    app = _empty(title)
    app.router.routes.extend(_included(title))
    install_handlers(app)
    _document(app, demands)
    return app


@functools.cache
def _included(title: str) -> list[BaseRoute]:
    """Return an interface's routes, for all applications of a process: what is made of each takes half a second."""
    app = _empty(title)
    own = len(app.routes)
    for router in _ROUTERS[title]:
        app.include_router(router)
    return app.routes[own:]


def _empty(title: str) -> FastAPI:
    return FastAPI(
        title=title,
        version=system.release(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        generate_unique_id_function=_name,
        responses=responses(InvalidError),
    )


def _name(route: APIRoute) -> str:
    return route.name


def _document(app: FastAPI, demands: Demands | None) -> None:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            if app.title not in _documents:
                document = get_openapi(title=app.title, version=app.version, routes=app.routes)
                if demands is not None:
                    document_demands(document, demands)
                document_problems(document)
                document_examples(document)
                _documents[app.title] = document
            app.openapi_schema = copy.deepcopy(_documents[app.title])
        return app.openapi_schema

    async def read_document(_request: Request) -> Response:
        # The first time it takes a second of processor time, in which batches wait if it is the event loop's.
        return Response(await asyncio.to_thread(lambda: json.dumps(app.openapi())), media_type="application/json")

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_route(DOCUMENT, read_document, include_in_schema=False)
