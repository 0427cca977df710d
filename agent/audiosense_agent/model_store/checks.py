"""Whether a verified bundle fits a sensor and scores on this machine as it did where it was made."""

from uuid import UUID

from audiosense_agent.config import SensorSettings
from audiosense_agent.deadline import Deadline
from audiosense_agent.detector import Detector
from audiosense_agent.model_store.record import Record
from audiosense_common.bundle import Bundle
from audiosense_common.errors import BundleError
from audiosense_common.features import SCHEMA_ID, FeatureError, definition_digest
from audiosense_common.install import check_install

GOLDEN_LIMIT_S = 30.0
"""Time for all golden vectors; what needs longer could not keep up with any machine."""


def prepare_alone(bundle: Bundle) -> Detector:
    """Check a bundle's features, graph and golden vectors on this machine, whatever sensor it is for.

    Raises:
        BundleError: it cannot be scored with here.
    """
    own = bundle.manifest
    rate = own.sample_rate_hz
    return _check(bundle, Record(), sensor=own.sensor, sample_rate_hz=rate, window_s=own.window_s, now_us=None)


def prepare(bundle: Bundle, sensor: SensorSettings, sensor_id: UUID, record: Record, now_us: int | None) -> Detector:
    """Check a bundle for a sensor and load it.

    Args:
        bundle: signature and files are checked.
        sensor: as it is configured now.
        sensor_id: the collector's identity of it.
        record: what it runs; an empty one where versions are not to be compared.
        now_us: UTC microseconds; None: the date is not checked.

    Raises:
        BundleError: it does not fit, or is off its golden vectors, or takes too long over them.
    """
    rate = sensor.sample_rate_hz
    return _check(bundle, record, sensor=sensor_id, sample_rate_hz=rate, window_s=sensor.window_s, now_us=now_us)


def _check(
    bundle: Bundle, record: Record, *, sensor: UUID, sample_rate_hz: int, window_s: float, now_us: int | None
) -> Detector:
    def digest(name: str) -> str:
        try:
            return definition_digest(name, sample_rate_hz)
        except FeatureError as error:
            raise KeyError(name) from error

    check_install(
        bundle,
        sensor=sensor,
        sample_rate_hz=sample_rate_hz,
        window_s=window_s,
        current_version=record.version,
        current_digest=record.current,
        now_us=now_us,
        schema_id=SCHEMA_ID,
        digests=digest,
    )
    deadline = Deadline(GOLDEN_LIMIT_S)
    try:
        with deadline:
            detector = Detector(bundle, deadline)
            bundle.check_golden(lambda features: detector.score_matrix(features, deadline))
    except BundleError as error:
        if deadline.has_passed:
            raise BundleError(
                "slow", f"the model did not score its golden vectors within {GOLDEN_LIMIT_S:.0f} s; train a smaller one"
            ) from error
        raise
    return detector
