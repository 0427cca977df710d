"""One sensor at work: from its source through features, score and events into the spool."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.clips import ClipRecorder
from audiosense_agent.clock import is_provisional
from audiosense_agent.committer import Committer
from audiosense_agent.config import SensorSettings
from audiosense_agent.detector import Detector, Verdict
from audiosense_agent.enrolment import describe_sensor
from audiosense_agent.errors import SpoolError
from audiosense_agent.events import Debouncer, EventRevision
from audiosense_agent.model_store.ward import Ward
from audiosense_agent.pause import Pause, interval_us
from audiosense_agent.pending import Loss, Pending
from audiosense_agent.reservoir import Reservoir
from audiosense_agent.sensor_health import SensorHealth
from audiosense_agent.sources import Context, Source
from audiosense_agent.spool import Spool
from audiosense_agent.spool.rows import Measurement
from audiosense_agent.windows import Window
from audiosense_common.bundle import Running
from audiosense_common.errors import AudioSenseError
from audiosense_common.features import SCHEMA_ID, FeatureExtractor, dominant_hz, level_dbfs
from audiosense_common.reason_words import put_in_words
from audiosense_common.running import Phase, RunningGate
from audiosense_common.wire import EventState, Reason, Status

log = logging.getLogger(__name__)
_LONGEST_S = 1.0
"""How long a window waits for its commit where sound comes faster than it is taken."""
_STARTING = "starting"
_COMPUTING = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))
"""Windows that are computed at a time. Sensors hear theirs at about the same moment, and threads that wait for the
interpreter's lock wake up 200 times a second to ask for it: of 64 sensors that was most of the processor's time."""


class Worker:
    """Listens to one sensor in a thread of its own.

    A source that fails is opened again every ``retry_s``, while other sensors go on.
    """

    def __init__(
        self,
        sensor: SensorSettings,
        source: Source,
        spool: Spool,
        *,
        group: int = 64,
        retry_s: float = 5.0,
        stop_after: int | None = None,
        on_commit: Callable[[], None] = lambda: None,
        reservoir: Reservoir | None = None,
        clips: ClipRecorder | None = None,
        pause: Pause | None = None,
        committer: Committer | None = None,
    ) -> None:
        self._pause = pause
        self._last_us: int | None = None
        self._reservoir = reservoir
        self._clips = clips
        self.sensor = sensor
        self.state = _STARTING
        self._source = source
        self._spool = spool
        self._group = group
        self._committer = committer or Committer(spool, most=group)
        self._pending = Pending(sensor.name, spool, self._committer)
        self._retry_s = retry_s
        self._left = stop_after
        self._on_commit = on_commit
        self.health = SensorHealth(sensor)
        self._extractor = FeatureExtractor(sensor.sample_rate_hz)
        self.ward: Ward | None = None
        self._detector: Detector | None = None
        self._scored_by: Detector | None = None
        self._debouncer: Debouncer | None = None
        self._gate: RunningGate | None = None
        self._set_gate(None)
        self._next: list[Ward] = []
        self._status: Status | None = None
        self._failed_as: str | None = None

    def use(self, ward: Ward) -> None:
        """Score with another model from the next window on; may be called by any thread."""
        self._next.append(ward)

    def pause(self, since_s: float) -> Pause | None:
        """Say for the next worker of this sensor what it heard last; None if that is nothing."""
        return self._pause if self._last_us is None else Pause(self._last_us, since_s)

    def run(self, stop: threading.Event) -> None:
        """Listen until the sound ends, the wanted number of windows is reached, or stopped."""
        while not stop.is_set():
            try:
                self._listen(Context(stop, self._commit_with_others, self._warn, self._resume_us()))
            except AudioSenseError as error:
                self.health.fail(error)
                self._say(str(error))
            except Exception as error:
                if repr(error) != self._failed_as:
                    log.exception("%s: failed unexpectedly; its source is opened again", self.sensor.name)
                self._failed_as = repr(error)
                self.health.pulse.beat()
                self._say(f"unexpected failure: {error}")
            else:
                self._say("stopped" if stop.is_set() else "ended")
                break
            self._pause = None
            self._end_sound()
            stop.wait(self._retry_s)
        self._end_sound()
        if self.ward is not None:
            self.ward.end()
        self._pending.give_up()
        self.health.pulse.end()

    def _listen(self, context: Context) -> None:
        if self._left == 0:
            return
        with ExitStack() as part:
            for number, window in enumerate(self._source.windows(context)):
                if number == 0:
                    # Not before: while a device is looked for, no group waits for it.
                    part.enter_context(self._committer.taking_part())
                self._say("ok")
                self.health.note(window)
                if window.gaps:
                    self._warn(f"{window.gaps} gap(s) in the sound")
                self._take(window)
                if self._left is not None:
                    self._left -= 1
                    if self._left <= 0:
                        return

    def _resume_us(self) -> int:
        last_us = self._spool.last_time_us(self.sensor.name)
        return 0 if last_us is None else last_us + self.sensor.window_us

    def _take(self, window: Window) -> None:
        while self._next:
            self._take_over(self._next.pop(0))
        if window.stepped:
            # An event that went on over a step of the clock would last as long as the step, or end before it began.
            self._warn("the clock was set; times are the new clock's from here on")
            self._end_event()
        self._note_pause(window.start_us)
        self._pending.begin(window.start_us)
        with _COMPUTING:
            began = time.perf_counter()
            vector, is_valid = self._describe(window.samples)
            self._scored_by = None
            verdict = self._weigh(window.samples, vector) if is_valid else Verdict(None, Status.INVALID)
            self.health.work_s += time.perf_counter() - began
        if self.ward is not None and self.ward.detector is not self._detector:
            self._switch(self.ward.detector)
        if self._reservoir is not None:
            self._reservoir.offer(window, verdict.status)
        self._keep(window.start_us, vector, verdict, is_valid=is_valid)
        revision = None
        if self._debouncer is not None:
            counts = verdict.status in (Status.NORMAL, Status.ANOMALOUS) and self._scored_by is self._detector
            end_us = window.start_us + self.sensor.window_us
            revision = self._debouncer.push(window.start_us, end_us, verdict.score if counts else None, vector)
            self._tell(revision)
        if self._clips is not None and not is_provisional(window.start_us):
            self._clips.push(window, verdict.status, revision, self._debouncer)
        if verdict.status is not self._status:
            log.info("%s: %s", self.sensor.name, verdict.status.value)
            self._status = verdict.status
        if self._pending.is_due(self._group, _LONGEST_S):
            self._commit()

    def _keep(self, start_us: int, vector: NDArray[np.float16], verdict: Verdict, *, is_valid: bool) -> None:
        self._pending.keep(
            Measurement(
                sensor=self.sensor.name,
                time_us=start_us,
                score=verdict.score,
                status=verdict.status,
                model=self._model(is_valid=is_valid),
                level_dbfs=level_dbfs(vector),
                dominant_hz=dominant_hz(vector),
                schema_id=SCHEMA_ID,
                features=vector,
                reasons=self._explain(vector, verdict),
            )
        )

    def _note_pause(self, start_us: int) -> None:
        """Count what a reload kept from being heard: it was due, so that it counts as measured and lost."""
        self._last_us = start_us
        if self._pause is None:
            return
        pause, self._pause = self._pause, None
        apart_us = interval_us(self.sensor)
        missing = pause.missing(start_us, apart_us)
        if missing:
            self._warn(f"{missing} windows were not heard while the configuration was read again")
            self._pending.miss(Loss(missing, pause.last_us + apart_us, start_us - apart_us))

    def _describe(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float16], bool]:
        """Return the feature vector, and whether the samples were numbers; NaN and infinity are taken as silence."""
        finite = np.isfinite(samples)
        if finite.all():
            return self._extractor.extract(samples), True
        return self._extractor.extract(np.where(finite, samples, np.float32(0))), False

    def _weigh(self, samples: NDArray[np.float32], vector: NDArray[np.float16]) -> Verdict:
        is_stopped = self._gate is not None and level_dbfs(vector) < self._gate.rule.level_dbfs
        return self.health.weigh(samples, vector, lambda: self._judge(vector), is_stopped=is_stopped)

    def _model(self, *, is_valid: bool) -> str | None:
        """Return the digest of the model that scored the window; none scores what a faulty sensor gives."""
        if self._scored_by is None or not is_valid or self.health.is_faulty:
            return None
        return self._scored_by.digest

    def _judge(self, vector: NDArray[np.float16]) -> Verdict:
        phase = Phase.RUNNING if self._gate is None else self._gate.push(level_dbfs(vector))
        if self.ward is None:
            return Verdict(None, Status.LEARNING if phase is Phase.RUNNING else Status.STOPPED)
        verdict = self.ward.judge(vector, phase)
        self._scored_by = self.ward.scored_by
        return verdict

    def _set_gate(self, detector: Detector | None) -> None:
        """Follow a model's rule; a level in the configuration stands over the model's, and serves without one."""
        level = self.sensor.running_level_dbfs
        rule = None if detector is None else detector.running_rule()
        if level is not None:
            how = Running() if detector is None else detector.manifest.running
            rule = None if level == "off" else how.rule(level)
        if rule is None:
            self._gate = None
        elif self._gate is None:
            self._gate = RunningGate(rule)
        else:
            self._gate.rule = rule

    def _explain(self, vector: NDArray[np.float16], verdict: Verdict) -> tuple[Reason, ...] | None:
        if self._scored_by is None or verdict.status is not Status.ANOMALOUS:
            return None
        return tuple(self._scored_by.explainer.explain(vector))

    def _take_over(self, ward: Ward) -> None:
        if self.ward is not None:
            self.ward.end()
        self.ward = ward
        self._switch(ward.detector)

    def _switch(self, detector: Detector | None) -> None:
        self._end_event()
        self._set_gate(detector)
        self._detector, self._debouncer = detector, None
        self.health.use(None if detector is None else detector.manifest)
        if detector is not None:
            manifest = detector.manifest
            self._debouncer = Debouncer(
                self.sensor.name,
                detector.digest,
                manifest.threshold.value,
                manifest.debouncing,
                detector.explainer.explain,
            )
            log.info(
                "%s: scores with model %s version %d", self.sensor.name, detector.digest[:12], manifest.bundle_version
            )

    def _end_sound(self) -> None:
        self._end_event()
        if self._clips is not None:
            self._clips.finish()

    def _end_event(self) -> None:
        if self._debouncer is not None:
            self._tell(self._debouncer.close())
        self._commit()

    def _tell(self, event: EventRevision | None) -> None:
        if event is None:
            return
        self._pending.tell(event)
        if event.state is EventState.OPEN:
            self.health.events += 1
            why = put_in_words(event.reasons)
            log.warning("%s: event opened, score %.3f: %s", self.sensor.name, event.peak_score, why)
        elif event.state is EventState.CLOSE:
            log.warning("%s: event closed, peak %.3f", self.sensor.name, event.peak_score)

    def _commit_with_others(self) -> None:
        self._commit(waits=True)

    def _commit(self, *, waits: bool = False) -> None:
        is_kept = self._pending.commit(waits=waits)
        if is_kept:
            self.health.pulse.commit()
            self._on_commit()
        elif is_kept is False:
            self.health.pulse.beat()

    def _say(self, state: str) -> None:
        if state == self.state:
            return
        level = logging.INFO if state in ("ok", "ended", "stopped") else logging.WARNING
        log.log(level, "%s: source %s", self.sensor.name, state)
        self.state = state
        try:
            self._spool.note_sensor(self.sensor.name, source=state)
        except SpoolError as error:
            self._warn(str(error))

    def _warn(self, text: str) -> None:
        log.warning("%s: %s", self.sensor.name, text)

    def register(self) -> None:
        """Tell the spool how this sensor is registered.

        Raises:
            SpoolError: the disk is full or failing.
        """
        registration = describe_sensor(self.sensor).model_dump_json(by_alias=True)
        self._spool.note_sensor(self.sensor.name, registration=registration)
