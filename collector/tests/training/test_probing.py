import numpy as np

from audiosense_collector.training.probing import ProbeSet, usable
from audiosense_common.features import SCHEMA_ID, SCHEMAS

HEARD_US = np.arange(100, 200) * 5_000_000


def probes_at(*windows):
    count = len(windows)
    return ProbeSet(
        features=np.zeros((count, len(SCHEMAS[SCHEMA_ID])), np.float16),
        schema_id=SCHEMA_ID,
        kinds=("tone",),
        kind=np.zeros(count, np.int64),
        level_db=np.arange(count, dtype=float),
        time_us=np.array(windows) * 5_000_000,
    )


def test_probes_of_windows_that_were_left_out_tell_nothing():
    kept = usable(probes_at(100, 120, 150), HEARD_US, np.delete(HEARD_US, 20))
    assert list(kept.level_db) == [0, 2]
    assert len(kept.features) == len(kept.kind) == 2


def test_probes_of_a_time_near_the_baseline_count_and_of_another_time_do_not():
    assert list(usable(probes_at(50, 250, 900), HEARD_US, HEARD_US).level_db) == [0, 1]
    assert usable(probes_at(900, 901), HEARD_US, HEARD_US) is None
    assert usable(None, HEARD_US, HEARD_US) is None
