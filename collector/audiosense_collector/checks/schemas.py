"""Self-checks as the interface shows them."""

from uuid import UUID

from pydantic import BaseModel

from audiosense_common.wire_checks import CheckFigure, CheckState


class CheckOut(BaseModel):
    """A self-check's latest outcome; ``sensor_id`` is null where it is of the agent as a whole.

    ``remedy`` is the agent's own sentence, in English; readers that know ``key`` and ``cause`` say it in their words.
    """

    key: str
    sensor_id: UUID | None
    state: CheckState
    cause: str | None
    evidence: list[CheckFigure]
    remedy: str
    since_us: int
    told_us: int


class CheckPage(BaseModel):
    """An agent's self-checks, the worst first; ``next`` goes into ``after`` for the page after this one."""

    items: list[CheckOut]
    next: str | None


class SensorHealthOut(BaseModel):
    """Whether a sensor hears as it should, apart from how its machine is.

    ``key`` and ``cause`` name the worst of its checks where it is not ``ok``. It is ``unknown`` where its agent
    tells no checks, or has not for minutes.
    """

    state: CheckState
    key: str | None = None
    cause: str | None = None
    since_us: int | None = None
