"""The port for probes and Prometheus: ``/metrics``, ``/healthz``, ``/readyz``, nothing else."""

from fastapi import APIRouter, FastAPI
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from audiosense_collector.errors import install_handlers
from audiosense_collector.health import routes as health
from audiosense_collector.metrics.exposition import exposition
from audiosense_collector.runtime import Runtime, RuntimeOf

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def read_metrics(runtime: RuntimeOf) -> Response:
    """All figures in Prometheus' text format."""
    return Response(await exposition(runtime), media_type=CONTENT_TYPE_LATEST)


def create_metrics_app(runtime: Runtime) -> FastAPI:
    """Make the application of the metrics' port; it holds no name and no secret."""
    app = FastAPI(title="AudioSense metrics", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.runtime = runtime
    app.include_router(router)
    app.include_router(health.router)
    install_handlers(app)
    return app
