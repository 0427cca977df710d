import pytest

from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.recordings import find_machines, match_machine, readable


def test_each_folder_with_both_kinds_is_a_machine_named_by_its_path(tmp_path, machine):
    machine(tmp_path / "pump" / "id_00")
    machine(tmp_path / "fan", normal=3)
    (tmp_path / "fan" / "normal" / "notes.txt").write_text("none")
    (tmp_path / "fan" / "normal" / "._0.wav").write_bytes(b"macOS")
    found = find_machines(tmp_path)
    assert [one.name for one in found] == ["fan", "pump/id_00"]
    assert [path.name for path in found[0].normal] == ["0.wav", "1.wav", "2.wav"]
    assert len(found[1].clips) == 6


def test_the_folder_itself_may_be_the_machine_and_clips_may_lie_deeper(tmp_path, machine, clip):
    machine(tmp_path / "Mill 7")
    clip(tmp_path / "Mill 7" / "normal" / "monday" / "a.WAV")
    (found,) = find_machines(tmp_path / "Mill 7")
    assert (found.name, len(found.normal)) == ("Mill 7", 5)


def test_upper_case_names_and_links_are_followed_and_circles_are_not(tmp_path, machine):
    machine(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "normal").rename(tmp_path / "elsewhere" / "Normal")
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "pump").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "tree" / "inner" / "circle").symlink_to(tmp_path / "tree")
    (found,) = find_machines(tmp_path / "tree")
    assert (found.name, len(found.normal)) == ("pump", 4)


def test_patterns_and_folders_give_one_machine(tmp_path, clip):
    for number in range(3):
        clip(tmp_path / "Healthy" / "M1" / f"{number}.wav")
        clip(tmp_path / "Damaged" / "M1" / f"{number}.wav")
    found = match_machine([f"{tmp_path}/Healthy/M1/*.wav"], [f"{tmp_path}/Damaged"])
    assert (found.name, len(found.normal), len(found.abnormal)) == (tmp_path.name, 3, 3)


def test_what_cannot_be_a_machine_is_named(tmp_path, machine):
    machine(tmp_path / "half", abnormal=0)
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty" / "normal").mkdir(parents=True)
    (tmp_path / "empty" / "abnormal").mkdir()
    (tmp_path / "file").touch()
    for folder, message in (
        ("missing", "there is no folder"),
        ("file", "found a file"),
        ("nothing", "holds both normal/ and abnormal/"),
        ("half", "holds normal/ but no abnormal/"),
        ("empty", "holds no WAV"),
    ):
        with pytest.raises(EvaluationError, match=message) as raised:
            find_machines(tmp_path / folder)
        assert str(tmp_path / folder) in str(raised.value)
        assert "\n" not in str(raised.value)


def test_patterns_that_match_nothing_or_both_kinds_are_named(tmp_path, machine):
    machine(tmp_path)
    normal, abnormal = [f"{tmp_path}/normal/*.wav"], [f"{tmp_path}/abnormal/*.wav"]
    with pytest.raises(EvaluationError, match=r"no clip matches --abnormal '.*/broken/\*'"):
        match_machine(normal, [f"{tmp_path}/broken/*"])
    with pytest.raises(EvaluationError, match="--abnormal is missing"):
        match_machine(normal, [])
    with pytest.raises(EvaluationError, match="2 clips match both"):
        match_machine([*normal, f"{tmp_path}/**/*.wav"], abnormal)


def test_a_name_can_be_printed_whatever_bytes_it_holds():
    assert readable("a\nb\x1b[31m\udcff") == "a\ufffdb\ufffd[31m\ufffd"
