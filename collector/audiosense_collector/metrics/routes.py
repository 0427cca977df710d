"""The port for probes and Prometheus: ``/metrics``, ``/healthz``, ``/readyz``, nothing else."""

from fastapi import APIRouter, FastAPI
from prometheus_client.exposition import CONTENT_TYPE_LATEST
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
