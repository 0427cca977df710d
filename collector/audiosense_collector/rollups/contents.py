"""Which features the roll-ups keep, of each feature schema."""

from functools import cache

from audiosense_common.features import FEATURES, SCHEMAS

_MAIN_GROUPS = ("level", "time", "spectrum")
_BAND_GROUP = "third"


@cache
def main_features(schema_id: str) -> tuple[str, ...]:
    """Return the features of which every roll-up keeps mean, minimum and maximum, in the schema's order."""
    return tuple(name for name in SCHEMAS[schema_id] if FEATURES[name].group in _MAIN_GROUPS)


@cache
def band_features(schema_id: str) -> tuple[str, ...]:
    """Return the band levels that a spectrogram over time is made of, by rising frequency."""
    return tuple(name for name in SCHEMAS[schema_id] if FEATURES[name].group == _BAND_GROUP)


def minute_features(schema_id: str) -> tuple[str, ...]:
    """Return the features whose means the roll-up of a minute keeps, in the order of its ``means``."""
    return main_features(schema_id) + band_features(schema_id)


def hour_features(schema_id: str) -> tuple[str, ...]:
    """Return the features whose means the roll-up of an hour keeps: all of the schema."""
    return SCHEMAS[schema_id]
