"""Jobs as the interface shows them."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

JobState = Literal["waiting", "running", "done", "failed"]


class JobOut(BaseModel):
    """How a job stands; ``error`` is the reason of its last failure, also while it is tried again."""

    id: int
    kind: Annotated[str, Field(description="what is done: train, sign, detectability, notify, …", examples=["train"])]
    sensor_id: Annotated[str | None, Field(description="the sensor that it is about, if it is about one")]
    state: JobState
    progress: Annotated[float, Field(ge=0, le=1, description="how much of it is done")]
    step: Annotated[str | None, Field(description="what is at work, or was last", examples=["fitting"])]
    attempts: Annotated[int, Field(ge=0, description="how often it was begun")]
    error: str | None
    worker: Annotated[str | None, Field(description="host and process of its last attempt", examples=["host-2:4711"])]
    queued_us: int | None
    started_us: Annotated[int | None, Field(description="when its last attempt began")]
    finished_us: int | None
    status: Annotated[
        Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborting", "aborted"],
        Field(description="the state in the queue's own words, as releases before told it"),
    ]


class JobPage(BaseModel):
    """Jobs, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[JobOut]
    next: int | None
