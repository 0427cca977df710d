"""Whether a verified bundle may be installed for a sensor."""

from collections.abc import Callable
from uuid import UUID

from audiosense_common.bundle import Bundle, FeatureNeed, Manifest
from audiosense_common.errors import AudioSenseError, BundleError
from audiosense_common.onnx_guard import check_graph

_WINDOW_TOLERANCE_S = 1e-6
_SHOWN = 3


def check_install(
    bundle: Bundle,
    *,
    sensor: UUID,
    sample_rate_hz: int,
    window_s: float,
    current_version: int | None,
    current_digest: str | None = None,
    now_us: int | None,
    schema_id: str,
    digests: Callable[[str], str],
) -> None:
    """Refuse a bundle that is not for this sensor as it runs now. The date stops installs only, never scoring.

    Args:
        bundle: from ``open_bundle``, so signature and files are checked.
        sensor: the sensor that would run it.
        sample_rate_hz: rate at which the sensor's features are computed.
        window_s: length of the sensor's window in seconds.
        current_version: bundle version that the sensor runs or ran last, None if it has none.
        current_digest: digest of that bundle; offering the very same one again is no error.
        now_us: UTC microseconds, or None while the clock is not trusted: the date is then not checked.
        schema_id: the sensor's feature schema.
        digests: definition digest of a feature by name at ``sample_rate_hz``; raises KeyError or an
            AudioSenseError where it is unknown (``features.definition_digest`` with the rate filled in).

    Raises:
        BundleError: with reason ``wrong_sensor``, ``older``, ``expired``, ``features``, ``sample_rate``, ``window``,
            ``external_data``, ``custom_operator`` or ``graph``.
    """
    manifest = bundle.manifest
    if manifest.sensor != sensor:
        raise BundleError("wrong_sensor", f"the bundle is for sensor {manifest.sensor}, this is {sensor}")
    _check_version(bundle, current_version, current_digest)
    if now_us is not None and now_us > manifest.install_before_us:
        raise BundleError(
            "expired",
            f"the bundle was to be installed before {manifest.install_before_us} us, it is {now_us} us; push it again",
        )
    _check_window(manifest, sample_rate_hz, window_s)
    _check_features(manifest, schema_id, digests)
    check_graph(bundle.model)


def _check_window(manifest: Manifest, sample_rate_hz: int, window_s: float) -> None:
    if manifest.sample_rate_hz != sample_rate_hz:
        raise BundleError(
            "sample_rate",
            f"the bundle needs {manifest.sample_rate_hz} Hz, the sensor runs at {sample_rate_hz} Hz; "
            "train a model for the new rate",
        )
    if abs(manifest.window_s - window_s) > _WINDOW_TOLERANCE_S:
        raise BundleError(
            "window",
            f"the bundle needs windows of {manifest.window_s} s, the sensor's are {window_s} s; "
            "train a model for the new length",
        )


def _check_version(bundle: Bundle, current_version: int | None, current_digest: str | None) -> None:
    offered = bundle.manifest.bundle_version
    if current_version is None or offered > current_version:
        return
    if offered == current_version and bundle.digest == current_digest:
        return
    raise BundleError(
        "older",
        f"the bundle has version {offered}, the sensor runs version {current_version}; push the model again to give "
        "it a new version",
    )


def _check_features(manifest: Manifest, schema_id: str, digests: Callable[[str], str]) -> None:
    missing = [need.name for need in manifest.features if not _computable(need, digests)]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise BundleError(
            "features",
            f"the bundle (schema {manifest.schema_id}) needs {', '.join(missing[:_SHOWN])}{more}, which the sensor's "
            f"schema {schema_id} lacks or defines otherwise; update the agent or train again",
        )


def _computable(need: FeatureNeed, digests: Callable[[str], str]) -> bool:
    try:
        return digests(need.name) == need.digest
    except (KeyError, AudioSenseError):
        return False
