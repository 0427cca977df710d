"""From where on a sensor counts as silent or unplugged: by its baseline where there is one, absolute otherwise."""

from dataclasses import dataclass
from typing import Self

from audiosense_common.bundle import Manifest

SILENT_DBFS = -90.0
"""Below the noise of any 16-bit converter with a microphone at it."""
QUIET_DBFS = -50.0
_SILENT_BELOW_BASELINE_DB = 60.0
"""A hall at rest is 30 to 50 dB below a machine at arm's length."""
_SILENT_RANGE_DBFS = (-110.0, -75.0)
_QUIET_BELOW_BASELINE_DB = 15.0
_MAINS_BANDS = ("third_50_db", "third_63_db")


@dataclass(frozen=True, slots=True)
class Limits:
    """Levels in dBFS.

    Attributes:
        silent: below this there is no sound at all.
        quiet: only below this a noise floor can be all that is heard.
        hum: what the baseline had around the mains frequency, None without a baseline.
        may_be_silent: the source is quite silent at times and whole, as a simulated machine at rest is.
    """

    silent: float = SILENT_DBFS
    quiet: float = QUIET_DBFS
    hum: float | None = None
    may_be_silent: bool = False

    @classmethod
    def of(cls, manifest: Manifest | None, *, may_be_silent: bool = False) -> Self:
        """Derive limits from a bundle's reference; bundles of earlier releases have none."""
        reference = None if manifest is None else manifest.baseline.reference
        if reference is None:
            return cls(may_be_silent=may_be_silent)
        usual = dict(zip(reference.features, reference.location, strict=True))
        if "rms_dbfs" not in usual:
            return cls(may_be_silent=may_be_silent)
        low, high = _SILENT_RANGE_DBFS
        level = usual["rms_dbfs"]
        return cls(
            silent=min(max(level - _SILENT_BELOW_BASELINE_DB, low), high),
            quiet=level - _QUIET_BELOW_BASELINE_DB,
            hum=max((usual[name] for name in _MAINS_BANDS if name in usual), default=None),
            may_be_silent=may_be_silent,
        )
