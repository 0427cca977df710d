"""Power cut at each write, fsync, rename and deletion of a model's installation, probation, commit and way back."""

import itertools
import logging
import threading
from uuid import UUID

import pytest
from agent_testing.bundles import KEY, make_bundle, vectors
from agent_testing.graphs import Live, bundle_of, resign
from agent_testing.power_cuts import IMAGES, PowerCuts
from agent_testing.samples import simulated

from audiosense_agent.errors import AgentError
from audiosense_agent.model_store import Limits, ModelStore
from audiosense_agent.model_store.guard import SCORING, Guard
from audiosense_agent.model_store.record import (
    FLOOR,
    RECORD,
    DamagedRecordError,
    read_floor,
    read_record,
    write_record,
)
from audiosense_common.bundle import open_bundle
from audiosense_common.errors import BundleError
from audiosense_common.running import Phase

log = logging.getLogger(__name__)
SENSOR_ID = UUID(int=7)
SENSOR = simulated()
KEYS = KEY.public_keys()
LIMITS = Limits(windows=12, seconds=60, share=0.9)


def install(store, bundle):
    return store.install(SENSOR, SENSOR_ID, bundle.pack(), KEYS, None)


def settle(ward, windows=12):
    for vector in itertools.islice(itertools.cycle(vectors()), windows):
        assert ward.judge(vector, Phase.RUNNING).score is not None


@pytest.fixture(scope="module")
def bundles():
    first = make_bundle(SENSOR_ID)
    bad = bundle_of(Live(score=float("nan")), SENSOR_ID, version=3)
    return {"good": first, "newer": resign(first, bundle_version=2), "bad": bad}


@pytest.fixture
def stages(tmp_path, bundles):
    """For each stage: what is done before, what is cut off, and the digests that may be found running after it."""
    good, newer, bad = (bundles[name].digest for name in ("good", "newer", "bad"))
    store = ModelStore(tmp_path / "models", LIMITS)

    def committed():
        settle(install(store, bundles["good"]))

    def with_newer():
        committed()
        return install(store, bundles["newer"])

    def with_bad():
        committed()
        return install(store, bundles["bad"])

    def nearly_dead():
        with_newer()
        folder = tmp_path / "models" / str(SENSOR_ID)
        record = read_record(folder)
        write_record(folder, record.count_death(newer).count_death(newer))
        mark = Guard(folder / SCORING)
        mark.enter(newer)
        mark.close()

    def start(_):
        ModelStore(tmp_path / "models", LIMITS).start(SENSOR, SENSOR_ID, KEYS)

    return {
        "first install": (lambda: None, lambda _: install(store, bundles["good"]), {None, good}),
        "install": (committed, lambda _: install(store, bundles["newer"]), {good, newer}),
        "probation": (with_newer, lambda ward: settle(ward, 11), {newer}),
        "commit": (lambda: _nearly(with_newer()), lambda ward: settle(ward, 1), {newer}),
        "way back": (with_bad, lambda ward: settle(ward, 1), {good, bad}),
        "burial": (nearly_dead, start, {good, newer}),
    }


def _nearly(ward):
    settle(ward, 11)
    return ward


@pytest.mark.parametrize("stage", ["first install", "install", "probation", "commit", "way back", "burial"])
def test_a_power_cut_at_any_moment_leaves_a_working_model_and_a_readable_record(tmp_path, stages, stage):
    prepare, cut_off, allowed = stages[stage]
    ward = prepare()
    folder = tmp_path / "models" / str(SENSOR_ID)
    floor = read_floor(folder)
    with PowerCuts(folder).watch() as cuts:
        cut_off(ward)
    found = set()
    different = {}
    for number, (what, images) in enumerate(cuts.moments):
        for kind in IMAGES:
            image = images[kind]
            different[tuple(sorted(image.items()))] = (number, what, kind, image)
    for number, what, kind, image in different.values():
        place = tmp_path / f"cut {number} {kind}"
        cuts.write_image(image, place / str(SENSOR_ID))
        found.add(_reopen(place, floor, allowed, f"{stage}: {what}, {kind}"))
    assert found <= allowed
    assert len(found) == len(allowed), "the cuts fell before and after the switch"
    assert len(cuts.moments) * len(IMAGES) >= 15, cuts.counts
    log.info("%s: %d cuts, %d different images", stage, len(cuts.moments) * len(IMAGES), len(different))


def _reopen(place, floor, allowed, when):
    """Start on what a cut left behind, and check that what runs was verified, scores, and is not below the floor."""
    folder = place / str(SENSOR_ID)
    read_record(folder)
    store = ModelStore(place, LIMITS)
    ward = store.start(SENSOR, SENSOR_ID, KEYS)
    digest = None if ward.detector is None else ward.detector.digest
    assert digest in allowed, when
    record = read_record(folder)
    assert digest == (None if record is None else record.current), when
    if ward.detector is not None:
        assert open_bundle((folder / f"{digest}.zip").read_bytes(), KEYS).digest == digest, when
        settle(ward, 2)
    if floor is not None:
        assert read_record(folder).version >= floor, when
    return digest


@pytest.mark.parametrize("damage", ["empty", "half", "flipped", "no JSON", "gone", "another version"])
def test_a_damaged_record_gives_way_to_the_newest_intact_bundle_and_never_to_an_older_version(
    tmp_path, bundles, damage
):
    store = ModelStore(tmp_path / "models", LIMITS)
    settle(install(store, bundles["good"]))
    settle(install(store, bundles["newer"]))
    folder = tmp_path / "models" / str(SENSOR_ID)
    content = bytearray((folder / RECORD).read_bytes())
    place = content.index(b'"version": 2') + len(b'"version": ')
    damaged = {
        "empty": b"",
        "half": content[: len(content) // 2],
        "flipped": content[:40] + bytes([content[40] ^ 1]) + content[41:],
        "no JSON": b"\xff\x00" * 40,
        "another version": content[:place] + b"1" + content[place + 1 :],
    }
    if damage == "gone":
        (folder / RECORD).unlink()
    else:
        (folder / RECORD).write_bytes(damaged[damage])
        with pytest.raises(DamagedRecordError):
            read_record(folder)
    again = ModelStore(tmp_path / "models", LIMITS)
    ward = again.start(SENSOR, SENSOR_ID, KEYS)
    assert ward.detector.digest == bundles["newer"].digest
    settle(ward)
    assert read_record(folder).current == bundles["newer"].digest
    with pytest.raises(BundleError) as caught:
        install(again, bundles["good"])
    assert caught.value.reason == "older"


def _stand_in(place, bundles, stand_in):
    """A sensor of which both bundles that the record names are damaged, with a third one beside them."""
    store = ModelStore(place, LIMITS)
    settle(install(store, bundles["good"]))
    settle(install(store, bundles["newer"]))
    folder = place / str(SENSOR_ID)
    for name in ("good", "newer"):
        (folder / f"{bundles[name].digest}.zip").write_bytes(b"PK damaged")
    (folder / f"{stand_in.digest}.zip").write_bytes(stand_in.pack())
    return read_record(folder)


def test_where_both_named_bundles_are_damaged_an_unknown_one_stands_in_on_probation(tmp_path, bundles):
    stranger = resign(bundles["good"], bundle_version=3)
    before = _stand_in(tmp_path, bundles, stranger)
    store = ModelStore(tmp_path, LIMITS)
    ward = store.start(SENSOR, SENSOR_ID, KEYS)
    assert ward.detector.digest == stranger.digest
    assert store.running()[SENSOR_ID].state == "probation"
    settle(ward)
    assert store.running()[SENSOR_ID].state == "committed"
    assert read_record(tmp_path / str(SENSOR_ID)) == before, "what is wanted to run is fetched again"


def test_an_unknown_bundle_that_stands_in_and_is_bad_is_sent_back_for_good(tmp_path, bundles):
    bad = bundles["bad"]
    _stand_in(tmp_path, bundles, bad)
    store = ModelStore(tmp_path, LIMITS)
    ward = store.start(SENSOR, SENSOR_ID, KEYS)
    assert ward.detector.digest == bad.digest
    ward.judge(vectors()[0], Phase.RUNNING)
    assert store.running()[SENSOR_ID].refused == bad.digest
    assert bad.digest in read_record(tmp_path / str(SENSOR_ID)).refused
    assert ModelStore(tmp_path, LIMITS).start(SENSOR, SENSOR_ID, KEYS).detector is None


@pytest.mark.parametrize("lost", [{RECORD}, {FLOOR}, {RECORD, "newest"}, {FLOOR, "newest"}])
def test_the_highest_version_is_known_from_two_places(tmp_path, bundles, lost):
    store = ModelStore(tmp_path / "models", LIMITS)
    settle(install(store, bundles["good"]))
    settle(install(store, bundles["newer"]))
    folder = tmp_path / "models" / str(SENSOR_ID)
    for name in lost:
        path = folder / (f"{bundles['newer'].digest}.zip" if name == "newest" else name)
        path.write_bytes(path.read_bytes()[:-9])
    again = ModelStore(tmp_path / "models", LIMITS)
    ward = again.start(SENSOR, SENSOR_ID, KEYS)
    assert ward.detector.digest == bundles["good" if "newest" in lost else "newer"].digest
    with pytest.raises(BundleError) as caught:
        install(again, resign(bundles["good"], created_us=5))
    assert caught.value.reason == "older"


def test_a_record_of_the_release_before_is_read(tmp_path, bundles):
    folder = tmp_path / "models" / str(SENSOR_ID)
    folder.mkdir(parents=True)
    for name in ("good", "newer"):
        (folder / f"{bundles[name].digest}.zip").write_bytes(bundles[name].pack())
    good, newer = bundles["good"].digest, bundles["newer"].digest
    (folder / RECORD).write_text(f'{{"current": "{newer}", "previous": "{good}", "version": 2}}')
    store = ModelStore(tmp_path / "models", LIMITS)
    ward = store.start(SENSOR, SENSOR_ID, KEYS)
    assert (ward.detector.digest, ward.progress()) == (newer, None)
    settle(install(store, bundles["bad"]), 1)
    record = read_record(folder)
    assert (record.current, record.version, list(record.refused)) == (newer, 3, [bundles["bad"].digest])


def test_a_full_disk_keeps_a_model_sent_back_until_a_restart(tmp_path, bundles, monkeypatch):
    store = ModelStore(tmp_path / "models", LIMITS)
    settle(install(store, bundles["good"]))
    ward = install(store, bundles["bad"])
    failed = []

    def full(*_):
        failed.append(1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audiosense_agent.files.os.fsync", full)
    settle(ward)
    assert failed
    assert ward.detector.digest == bundles["good"].digest
    assert store.is_sent_back(SENSOR_ID, bundles["bad"].digest)
    with pytest.raises((OSError, AgentError, BundleError)):
        install(store, resign(bundles["good"], bundle_version=4))
    assert store.running()[SENSOR_ID].digest == bundles["good"].digest


def test_installing_while_windows_are_scored_loses_neither_records_nor_windows(tmp_path, bundles, caplog):
    store = ModelStore(tmp_path / "models", LIMITS)
    at_work, ended, judged = {"ward": install(store, bundles["good"])}, threading.Event(), []

    def score():
        vectors_ = itertools.cycle(vectors())
        while not ended.is_set() or at_work["ward"].progress() is not None:
            judged.append(at_work["ward"].judge(next(vectors_), Phase.RUNNING).score)

    thread = threading.Thread(target=score)
    thread.start()
    try:
        for version in range(2, 32):
            at_work["ward"] = install(store, resign(bundles["good"], bundle_version=version))
    finally:
        ended.set()
        thread.join(60)
    assert not thread.is_alive()
    assert None not in judged
    assert len(judged) > 30
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []
    record = read_record(tmp_path / "models" / str(SENSOR_ID))
    assert (record.version, record.on_probation) == (31, False)
    ward = ModelStore(tmp_path / "models", LIMITS).start(SENSOR, SENSOR_ID, KEYS)
    assert ward.detector.manifest.bundle_version == 31
