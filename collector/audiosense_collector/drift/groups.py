"""Which features tell of the same: the groups that drift is told by."""

GROUPS: dict[str, tuple[str, ...]] = {
    "level": ("rms_dbfs", "peak_dbfs", "mel_max_level_db", "level_a_dbfs", "velocity_db"),
    "bands": ("band_", "third_"),
    "shape": ("mel_max_shape_",),
    "tonality": ("dominant_khz", "dominant_dbfs", "snr_db", "flatness_db", "harmonicity_db"),
    "brightness": ("centroid_khz", "bandwidth_khz", "rolloff_khz", "zcr_khz"),
    "impulsiveness": ("crest_db", "kurtosis_log"),
    "modulation": ("flux_db", "mel_spread_", "modulation_"),
}
"""Names of features, or how they begin."""
OTHER = "other"
"""What later schemas bring."""


def group_of(name: str) -> str:
    """Return the group of a feature."""
    return next((group for group, beginnings in GROUPS.items() if name.startswith(beginnings)), OTHER)
