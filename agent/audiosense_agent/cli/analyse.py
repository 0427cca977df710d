"""``audiosense-agent analyze``: features and score of a recording, without a collector."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from audiosense_agent.cli.options import ConfigOption, JsonOption
from audiosense_agent.cli.quiet import quiet_libraries
from audiosense_agent.config import default_config_path, load_settings
from audiosense_agent.detector import Detector
from audiosense_agent.enrolment import load_identity
from audiosense_agent.errors import AgentError, EnrolmentError
from audiosense_agent.model_store import ModelStore, prepare_alone
from audiosense_common.audio import inspect, read_recording, resample
from audiosense_common.bundle import open_bundle
from audiosense_common.errors import AudioError
from audiosense_common.features import FEATURES, SCHEMA_ID, FeatureExtractor
from audiosense_common.reason_words import put_in_words
from audiosense_common.windows import split
from audiosense_common.wire import Reason, Status

_SHOWN = ("rms_dbfs", "peak_dbfs", "crest_db", "snr_db", "flatness_db", "centroid_khz", "dominant_khz", "kurtosis_log")
_HEX_KEY = 64


@dataclass(frozen=True, slots=True)
class _Choice:
    detector: Detector | None
    sample_rate_hz: int | None
    window_s: float


def analyze(
    file: Annotated[Path, typer.Argument(help="WAV, FLAC, OGG or MP3.")],
    config: ConfigOption = None,
    *,
    bundle: Annotated[Path | None, typer.Option(help="Score with this bundle.")] = None,
    signing_key: Annotated[
        list[str] | None, typer.Option(help="ID=HEX: trust this key for --bundle; default: the enrolled collector's.")
    ] = None,
    sensor: Annotated[str | None, typer.Option(help="Score with the model that this sensor runs.")] = None,
    channel: Annotated[int, typer.Option(min=0, help="Channel, counted from 0.")] = 0,
    window: Annotated[float, typer.Option(min=0.01, max=600, help="Seconds; a model brings its own.")] = 5.0,
    as_json: JsonOption = False,
) -> None:
    """Show the features of each window of a recording, and its score where there is a model."""
    with quiet_libraries():
        recording = read_recording(file)
    choice = _choose(config, bundle, signing_key or [], sensor, window)
    rate = choice.sample_rate_hz or recording.sample_rate_hz
    samples = resample(recording.channel(channel), recording.sample_rate_hz, rate)
    length = max(1, round(choice.window_s * rate))
    findings = [finding.message for finding in inspect(recording, channel=channel, window_s=choice.window_s)]
    if len(samples) < length and choice.detector is not None:
        raise AudioError(findings[0] if findings else f"{file} is shorter than a window of {choice.window_s:g} s")
    parts = list(split(samples, length)) or [samples]
    extractor = FeatureExtractor(rate)
    rows = [_row(index * length / rate, extractor.extract(part), choice.detector) for index, part in enumerate(parts)]
    result = {
        "file": str(file),
        "format": recording.format,
        "subtype": recording.subtype,
        "sample_rate_hz": recording.sample_rate_hz,
        "channels": recording.channels,
        "channel": channel,
        "duration_s": recording.duration_s,
        "findings": findings,
        "schema": SCHEMA_ID,
        "window_s": choice.window_s,
        "model": None if choice.detector is None else choice.detector.digest,
        "threshold": None if choice.detector is None else choice.detector.manifest.threshold.value,
        "windows": rows,
    }
    if as_json:
        print(json.dumps(result))
    else:
        _print_table(result)


def _choose(
    config: Path | None, bundle: Path | None, signing_keys: list[str], sensor: str | None, window_s: float
) -> _Choice:
    if bundle is not None and sensor is not None:
        raise AgentError("give --bundle or --sensor, not both")
    if sensor is not None:
        settings = load_settings(config)
        chosen, identity = settings.sensor(sensor), load_identity(settings.state_dir)
        sensor_id = identity.sensors.get(sensor) if identity else None
        if identity is None or sensor_id is None:
            raise EnrolmentError(f"sensor {sensor!r} is not enrolled, so it has no model; enrol, or give --bundle")
        detector = ModelStore(settings.state_dir / "models").load(chosen, sensor_id, identity.trust.signing_keys)
        if detector is None:
            raise AgentError(f"sensor {sensor!r} has no model yet; it comes once the baseline is complete")
        return _Choice(detector, chosen.sample_rate_hz, chosen.window_s)
    if bundle is None:
        return _Choice(None, None, window_s)
    try:
        content = bundle.read_bytes()
    except OSError as error:
        raise AgentError(f"the bundle {bundle} cannot be read: {error.strerror}") from None
    detector = prepare_alone(open_bundle(content, _keys(config, signing_keys)))
    return _Choice(detector, detector.manifest.sample_rate_hz, detector.manifest.window_s)


def _keys(config: Path | None, named: list[str]) -> dict[str, str]:
    keys = {}
    for each in named:
        key_id, _, value = each.partition("=")
        if not key_id or len(value) != _HEX_KEY:
            raise AgentError(f"the signing key {each!r} is none; expected ID=HEX with {_HEX_KEY} hexadecimal digits")
        keys[key_id] = value
    if not keys and (config or default_config_path()).exists():
        identity = load_identity(load_settings(config).state_dir)
        keys = dict(identity.trust.signing_keys) if identity else {}
    if not keys:
        raise EnrolmentError(
            "no key is known that the bundle could be signed with; enrol, or give --signing-key ID=HEX"
        )
    return keys


def _row(start_s: float, vector: Any, detector: Detector | None) -> dict[str, Any]:
    verdict = None if detector is None else detector.judge(vector)
    status = Status.LEARNING if verdict is None else verdict.status
    told = detector.explainer.explain(vector) if detector is not None and status is Status.ANOMALOUS else None
    return {
        "start_s": start_s,
        "score": None if verdict is None else verdict.score,
        "status": status.value,
        "reasons": None if told is None else [reason.model_dump(exclude_none=True) for reason in told],
        "features": dict(zip(FEATURES, map(float, np.asarray(vector, dtype=np.float64)), strict=True)),
    }


def _print_table(result: dict[str, Any]) -> None:
    print(
        f"{result['file']}: {result['format']} {result['subtype']}, {result['sample_rate_hz']} Hz, "
        f"{result['channels']} channel(s), {result['duration_s']:.2f} s"
    )
    for finding in result["findings"]:
        print(f"note: {finding}")
    if result["model"]:
        print(f"model {result['model'][:12]}, threshold {result['threshold']:.3f}")
    print("  ".join(["start_s", *(["score", "status   "] if result["model"] else []), *_SHOWN]))
    for row in result["windows"]:
        cells = [f"{row['start_s']:7.2f}"]
        if result["model"]:
            cells += ["  -  " if row["score"] is None else f"{row['score']:.3f}", f"{row['status']:9}"]
        cells += [f"{row['features'][name]:{len(name)}.2f}" for name in _SHOWN]
        print("  ".join(cells))
        if row["reasons"] is not None:
            print(f"{'':7}  why: {put_in_words([Reason.model_validate(reason) for reason in row['reasons']])}")
