import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from audiosense_collector.cli import app
from audiosense_collector.evaluation.errors import EvaluationError

QUICK = ("--folds", "2", "--window", "0.5", "--hop", "0.1")


def call(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_json_is_the_last_line_and_the_same_again(tmp_path, machine):
    machine(tmp_path / "data" / "pump", channels=2)
    machine(tmp_path / "data" / "fan")
    page = tmp_path / "report.html"
    results = [call(tmp_path / "data", *QUICK, "--combine", "--json", "--report", page) for _ in range(2)]
    assert [result.exit_code for result in results] == [0, 0], results[0].output
    first, again = (json.loads(result.stdout.splitlines()[-1]) for result in results)
    assert {name: first[name] for name in ("mean_auc", "mean_pauc", "seed", "folds", "window_s", "hop_s")} == {
        "mean_auc": 1.0,
        "mean_pauc": 1.0,
        "seed": 0,
        "folds": 2,
        "window_s": 0.5,
        "hop_s": 0.1,
    }
    assert first["mean_auc_ci"] == first["mean_pauc_ci"] == [1.0, 1.0]
    assert [(one["machine"], one["channel"]) for one in first["machines"]] == [("fan", 0), ("pump", 0), ("pump", 1)]
    assert [one["name"] for one in first["combined"]["machines"]] == ["fan (combined)", "pump (combined)"]
    assert first["windows_per_s"] > 0
    for result in (first, again):
        del result["windows_per_s"], result["windows_per_s_by_name"]
    assert first == again
    assert "pump" in page.read_text()


def test_without_json_a_table_is_printed_and_warnings_go_to_stderr(tmp_path, machine, clip):
    machine(tmp_path)
    clip(tmp_path / "normal" / "brief.wav", seconds=0.2)
    result = call("--normal", tmp_path / "normal" / "*", "--abnormal", tmp_path / "abnormal" / "*.wav", *QUICK)
    assert result.exit_code == 0, result.output
    assert f"{tmp_path.name}, channel 0" in result.stdout
    assert "mean: AUC 1.000, pAUC 1.000" in result.stdout
    assert "brief.wav" in result.stderr
    assert "brief.wav" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no recordings are named"),
        (("{}", "--normal", "x"), "expected one of them"),
        (("--normal", "{}/normal/*"), "--abnormal is missing"),
        (("--normal", "{}/normal/*", "--abnormal", "{}/nothing/*"), "no clip matches --abnormal"),
        (("{}",), "5 folds need at least 10"),
        (("{}", *QUICK, "--hop", "0.5"), "at least 20 are needed"),
        (("{}", *QUICK, "--hop", "0.6"), "the hop is 0.6 s"),
        (("{}", *QUICK, "--detector", "oracle"), "there is no detector 'oracle'"),
        (("{}", *QUICK, "--report", "{}"), "is a folder"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_of_one_line(tmp_path, machine, arguments, message):
    machine(tmp_path)
    result = call(*(argument.format(tmp_path) for argument in arguments))
    assert isinstance(result.exception, EvaluationError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)


def test_an_error_is_printed_at_once_without_a_traceback_and_without_scikit_learn(tmp_path):
    script = (
        "import sys\nfrom audiosense_collector.cli import main\n"
        "try:\n    main()\nfinally:\n    assert 'sklearn' not in sys.modules"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "evaluate", str(tmp_path / "missing")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: there is no folder {tmp_path / 'missing'} (found nothing); give one with normal/ and abnormal/\n"
    )
