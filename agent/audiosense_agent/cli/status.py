"""``audiosense-agent status``: how the agent is, read beside a running one."""

import contextlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from audiosense_agent import __version__
from audiosense_agent.cli.options import ConfigOption, JsonOption
from audiosense_agent.clip_spool import FOLDER, read_clip_status
from audiosense_agent.config import Settings, load_settings
from audiosense_agent.enrolment import load_identity
from audiosense_agent.errors import EnrolmentError
from audiosense_agent.health.latest import describe, probation, read_latest
from audiosense_agent.spool.rows import load_reasons
from audiosense_agent.spool.view import read_spool
from audiosense_common.reason_words import put_in_words
from audiosense_common.wire import TIME_LIMIT_US, Reason

_REASONS = {
    "spool_full": "dropped because the spool was full",
    "too_old": "dropped because they were too old",
    "damaged": "lost to damage",
    "set_aside": "in files set aside",
    "not_stored": "lost while the disk took none",
    "refused": "refused by the collector",
    "rescued": "of these came back by a repair",
}


def status(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show last window, score and model of each sensor, the spool, the link to the collector and the self-checks."""
    settings = load_settings(config)
    found = _collect(settings)
    if as_json:
        print(json.dumps(found))
        return
    spool = found["spool"]
    print(
        f"agent {found['name']}, version {found['version']}, "
        + (found["collector"] or found["enrolment_problem"] or "not enrolled")
    )
    print(
        f"spool: {spool['rows']} measurements, {spool['events']} event revisions, {spool['bytes'] / 1e6:.1f} MB, "
        f"{spool['dropped']} dropped, {spool['dead_letters']} dead letters, {spool['set_aside']} spools set aside"
    )
    if spool["lost"]:
        print(f"gaps: {describe_losses(spool['lost'])}")
    clips = found["clips"]
    print(f"clips: {clips['waiting']} waiting, {clips['bytes'] / 1e6:.1f} MB, {clips['dropped']} not kept")
    offset = found["clock_offset_us"]
    clock = "" if offset is None else f", collector's clock {offset / 1e6:+.3f} s"
    print(f"last answer: {show_time(found['last_answer_us'])}{clock}")
    for name, sensor in found["sensors"].items():
        score = "no score" if sensor["score"] is None else f"score {sensor['score']:.3f}"
        model = f"model {sensor['model'][:12]}" if sensor["model"] else "no model yet"
        progress = probation(found["checks"], name)
        if progress is not None:
            model += f", on probation, {progress[0]} of {progress[1]} windows"
        print(
            f"sensor {name}: {sensor['status'] or 'nothing heard'}, {score}, {model}, "
            f"last window {show_time(sensor['time_us'])}, source {sensor['source'] or 'not started'}"
        )
        if sensor["reasons"] is not None:
            print(f"  why: {put_in_words([Reason.model_validate(reason) for reason in sensor['reasons']])}")
    print("\n".join(describe(found["checks"])))


def _collect(settings: Settings) -> dict[str, Any]:
    identity, problem = None, None
    try:
        identity = load_identity(settings.state_dir)
    except EnrolmentError as error:
        problem = str(error)
    view = read_spool(settings.state_dir / "spool.db")
    values = ("time_us", "score", "status", "model", "source", "reasons")
    empty = dict.fromkeys(values) | {"windows_measured": 0}
    return {
        "name": settings.name,
        "version": __version__,
        "state_dir": str(settings.state_dir),
        "agent": None if identity is None else str(identity.agent),
        "enrolment_problem": problem,
        "collector": None if identity is None else identity.url,
        "spool": asdict(view.status),
        "clips": asdict(read_clip_status(settings.state_dir / FOLDER)),
        "last_answer_us": view.last_answer_us,
        "clock_offset_us": view.clock_offset_us,
        "checks": read_latest(settings.state_dir),
        "sensors": {sensor.name: _readable(view.sensors.get(sensor.name, empty)) for sensor in settings.sensors},
    }


def _readable(sensor: dict[str, Any]) -> dict[str, Any]:
    """Replace the JSON of the last window's reasons by what it holds; null for one that is not anomalous."""
    reasons = None
    if sensor["reasons"] is not None:
        with contextlib.suppress(ValueError):
            reasons = [reason.model_dump(exclude_none=True) for reason in load_reasons(sensor["reasons"])]
    return sensor | {"reasons": reasons}


def describe_losses(lost: dict[str, int]) -> str:
    """Say how many windows were lost for which reason; those that came back are no loss."""
    return ", ".join(f"{windows} windows {_REASONS.get(reason, reason)}" for reason, windows in lost.items())


def show_time(time_us: int | None) -> str:
    """Return a time in words; "never" for none, the number itself for one beyond the calendar."""
    if time_us is None:
        return "never"
    if not 0 <= time_us < TIME_LIMIT_US:
        return f"{time_us} µs"
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
