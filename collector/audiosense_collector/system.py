"""What the dashboard must know of the collector itself."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter
from pydantic import BaseModel

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.clock import now_us
from audiosense_collector.db.session import Session
from audiosense_collector.machines.service import count_measurements
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["system"], dependencies=[Requires(Role.VIEWER)])


class System(BaseModel):
    """Release, modes, clock, and how many measurements of real machines are stored."""

    version: str
    developer_mode: bool
    demo: bool
    server_time_us: int
    baseline_windows: int
    measurements: int


def release() -> str:
    """Return the installed version."""
    try:
        return version("audiosense-collector")
    except PackageNotFoundError:
        return "0"


@router.get("/system")
async def read_system(runtime: RuntimeOf, session: Session) -> System:
    """Release, modes and clock of the collector."""
    settings = runtime.settings
    return System(
        version=release(),
        developer_mode=settings.developer_mode,
        demo=settings.demo,
        server_time_us=now_us(),
        baseline_windows=settings.baseline_windows,
        measurements=await count_measurements(session),
    )
