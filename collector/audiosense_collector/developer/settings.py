"""Settings of the developer interface and its simulator, under the names that the predecessor gave them."""

from typing import Annotated

from pydantic import Field

from audiosense_collector.settings import EnvironmentSettings

MIN_WINDOW_SIZE = 2
MAX_WINDOW_SIZE = 2_000


class DeveloperSettings(EnvironmentSettings):
    """Each field's alias is its environment variable; ``.env`` is read too."""

    token: Annotated[str | None, Field(min_length=16, validation_alias="AUDIOSENSE_DEVELOPER_TOKEN")] = None
    trees: Annotated[int, Field(ge=1, le=2_000, validation_alias="MODEL_TREES")] = 200
    window_size: Annotated[int, Field(ge=MIN_WINDOW_SIZE, le=MAX_WINDOW_SIZE, validation_alias="MODEL_WINDOW_SIZE")] = (
        60
    )
    threshold_pct: Annotated[float, Field(gt=0, lt=100, validation_alias="MODEL_THRESHOLD_PCT")] = 5
    interval_s: Annotated[float, Field(gt=0, le=86_400, validation_alias="SIM_INTERVAL_SECONDS")] = 5
    anomaly_rate: Annotated[float, Field(ge=0, le=1, validation_alias="SIM_ANOMALY_RATE")] = 0.05
    log_every: Annotated[int, Field(ge=1, validation_alias="SIM_LOG_EVERY")] = 10
