"""The port for probes and Prometheus: ``/metrics``, ``/processes``, ``/healthz``, ``/readyz``, nothing else."""

from fastapi import APIRouter, FastAPI, Request
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.responses import Response

from audiosense_collector.errors import install_handlers
from audiosense_collector.health import routes as health
from audiosense_collector.metrics.exposition import exposition, worker_exposition
from audiosense_collector.runtime import Runtime, RuntimeOf

router = APIRouter(include_in_schema=False)
worker_router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def read_metrics(runtime: RuntimeOf) -> Response:
    """All figures in Prometheus' text format."""
    return Response(await exposition(runtime), media_type=CONTENT_TYPE_LATEST)


class Targets(BaseModel):
    """Addresses with the same labels, as Prometheus' HTTP discovery (``http_sd_config``) takes them."""

    targets: list[str]
    labels: dict[str, str] = {}


@router.get("/processes")
async def list_processes(request: Request, runtime: RuntimeOf) -> list[Targets]:
    """Where the figures of the processes beside the first one are, under the name by which this one was asked.

    None where their ports are any free ones.
    """
    settings = runtime.environment
    host = request.url.hostname or settings.metrics_host
    shown = f"[{host}]" if ":" in host else host
    ports = [settings.metrics_port_of(place) for place in range(1, settings.processes)]
    targets = [f"{shown}:{port}" for port in ports if port]
    return [Targets(targets=targets)] if targets else []


@worker_router.get("/metrics")
async def read_worker_metrics(runtime: RuntimeOf) -> Response:
    """A worker's own figures in Prometheus' text format."""
    return Response(await worker_exposition(runtime), media_type=CONTENT_TYPE_LATEST)


def create_metrics_app(runtime: Runtime, *, worker: bool = False) -> FastAPI:
    """Make the application of the metrics' port; it holds no name and no secret."""
    app = FastAPI(title="AudioSense metrics", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.runtime = runtime
    app.include_router(worker_router if worker else router)
    app.include_router(health.router)
    install_handlers(app)
    return app
