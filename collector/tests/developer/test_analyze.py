"""``POST /analyze``: golden keys, the verdict for each type of machine, bad files."""

import io

import numpy as np
import pytest
import soundfile

RATE = 48_000
GOLDEN = {
    "rms_db": float,
    "dominant_freq_hz": float,
    "confidence_percent": float,
    "status": str,
    "mensaje": str,
    "snr_db": float,
    "flatness": float,
    "crest_factor": float,
    "band_levels": list,
    "filename": str,
}


def _tone(hz, level=0.5, seconds=6.0):
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def _noise(level=0.1):
    return level * np.random.default_rng(0).standard_normal(RATE * 6).clip(-4, 4)


async def _analyze(client, samples, **fields):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format="WAV", subtype="PCM_16")
    return await client.post("/analyze", files={"file": ("machine.wav", buffer.getvalue())}, data=fields)


async def test_the_keys_are_the_predecessors_and_the_figures_are_right(client):
    answer = await _analyze(client, _tone(1_500))
    found = answer.json()
    assert {key: type(value) for key, value in found.items()} == GOLDEN
    assert found["rms_db"] == pytest.approx(100 * 0.5 / np.sqrt(2), rel=0.003)
    assert found["dominant_freq_hz"] == pytest.approx(1_500, abs=5)
    assert found["crest_factor"] == pytest.approx(np.sqrt(2), rel=0.01)
    assert found["band_levels"][2] == pytest.approx(-9.03, abs=0.1)
    assert len(found["band_levels"]) == 5
    assert max(found["band_levels"][:2] + found["band_levels"][3:]) < -60
    assert (found["status"], found["filename"]) == ("Normal", "machine.wav")
    assert found["mensaje"] == "Funcionamiento normal."
    assert 50 < found["confidence_percent"] <= 100


@pytest.mark.parametrize(
    ("kind", "hz", "status"),
    [
        (None, 1_500, "Normal"),
        ("generic", 9_000, "Anómalo"),
        ("motor", 1_500, "Normal"),
        ("motor", 2_500, "Anómalo"),
        ("motor", 30, "Anómalo"),
        ("compressor", 1_500, "Normal"),
        ("compressor", 5_000, "Anómalo"),
    ],
)
async def test_each_type_of_machine_has_its_own_limits(client, kind, hz, status):
    fields = {"machine_type": kind} if kind else {}
    found = (await _analyze(client, _tone(hz), **fields)).json()
    assert found["status"] == status
    assert found["mensaje"].startswith("Anomalía detectada: " if status == "Anómalo" else "Funcionamiento normal.")


async def test_noise_is_anomalous_by_its_flatness(client):
    found = (await _analyze(client, _noise())).json()
    assert found["status"] == "Anómalo"
    assert "plano" in found["mensaje"]
    assert found["flatness"] > 0.3


async def test_silence_says_nothing_of_the_machine(client):
    for kind in ("generic", "motor", "compressor"):
        found = (await _analyze(client, np.zeros(RATE * 6), machine_type=kind)).json()
        assert (found["status"], found["confidence_percent"]) == ("Normal", 0)
        assert "silencio" in found["mensaje"]
        assert found["band_levels"] == [-120] * 5


async def test_what_is_unusual_stands_in_the_message(client):
    found = (await _analyze(client, np.clip(_tone(1_000, 3), -1, 1))).json()
    assert "la señal está saturada" in found["mensaje"]
    assert "más corta" in (await _analyze(client, _tone(1_000, seconds=1))).json()["mensaje"]


async def test_a_file_or_type_that_cannot_be_used_is_named(client):
    answer = await client.post("/analyze", files={"file": ("notes.wav", b"no sound")})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, "file")
    assert answer.json()["detail"].startswith("notes.wav is no audio")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(5_000, 0.1), 999, format="WAV")
    answer = await client.post("/analyze", files={"file": ("slow.wav", buffer.getvalue())})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, "file")
    assert answer.json()["detail"].startswith("slow.wav has a sample rate of 999 Hz, expected 1000 to 768000 Hz; ")
    assert (await client.post("/analyze")).json()["errors"][0]["loc"] == "file"
    answer = await _analyze(client, _tone(1_000), machine_type="toaster")
    assert answer.json()["errors"][0] == {
        "loc": "machine_type",
        "msg": "machine_type is 'toaster', expected one of generic, motor, compressor",
    }
