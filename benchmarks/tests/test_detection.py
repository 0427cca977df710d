import pytest

from audiosense_collector.evaluation.plan import Plan
from audiosense_common.errors import AudioSenseError
from benchmarks import detection


def test_without_recordings_it_says_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("AUDIOSENSE_RECORDINGS", raising=False)
    monkeypatch.setattr("sys.argv", ["detection"])
    with pytest.raises(SystemExit) as ended:
        detection.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        "error: no recordings are named; give their folder, or set AUDIOSENSE_RECORDINGS\n"
    )
    with pytest.raises(AudioSenseError, match=r"there is no folder .*/mimii"):
        detection.measure(str(tmp_path), 0)


def test_every_candidate_is_a_plan_that_can_be_made():
    assert {"predecessor", "default"} <= set(detection.CANDIDATES)
    for options in detection.CANDIDATES.values():
        Plan(**options)
