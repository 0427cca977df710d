"""The tables of the agent's configuration that are of the agent as a whole."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from audiosense_agent.spool.limits import Limits, Policy
from audiosense_common.wire_clips import MAX_CLIP_S


class Section(BaseModel):
    """Base of all tables of the configuration: what they do not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CollectorSettings(Section):
    """How the agent talks to its collector; the address comes with the enrolment key."""

    batch_interval_s: Annotated[float, Field(gt=0, le=3_600)] = 10.0
    heartbeat_s: Annotated[float, Field(gt=0, le=3_600)] = 60.0
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    max_batch: Annotated[int, Field(ge=1, le=10_000)] = 2_000
    backlog_rate: Annotated[float, Field(gt=0, le=1_000_000)] = 2_000.0


class SpoolSettings(Section):
    """How much the agent keeps while the collector is away, and for how long."""

    max_bytes: Annotated[int, Field(ge=2**23)] = 512 * 2**20
    policy: Policy = Policy.DROP_OLDEST
    max_age_days: Annotated[float, Field(ge=0, le=36_500)] = 30.0
    max_dead_letters: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    group: Annotated[int, Field(ge=1, le=10_000)] = 64

    @property
    def limits(self) -> Limits:
        """What the spool holds itself to."""
        return Limits(self.max_bytes, self.policy, self.max_age_days, self.max_dead_letters)


class ProbeSettings(Section):
    """Windows kept on this computer to learn how small a fault would be heard."""

    enabled: bool = True
    max_bytes: Annotated[int, Field(ge=0)] = 64 * 2**20
    cpu_share: Annotated[float, Field(gt=0, le=1)] = 0.2


class ClipSettings(Section):
    """Sound around events that is kept and sent, where the collector's administrator allows it."""

    enabled: bool = True
    before_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    after_s: Annotated[float, Field(gt=0, le=60)] = 10.0
    max_s: Annotated[float, Field(gt=0, le=MAX_CLIP_S)] = 30.0
    max_bytes: Annotated[int, Field(ge=0)] = 128 * 2**20
    per_hour: Annotated[int, Field(ge=0, le=3_600)] = 12


class MetricsSettings(Section):
    """Figures for Prometheus, on loopback only; no port, no metrics."""

    port: Annotated[int, Field(ge=1, le=65_535)] | None = None


class ModelSettings(Section):
    """How long a new model is watched, and how slow it may be."""

    probation_windows: Annotated[int, Field(ge=0, le=100_000)] = 60
    probation_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.2
