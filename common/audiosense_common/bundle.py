"""The bundle: a signed model as one ZIP of manifest, ONNX graph, golden vectors and signature."""

import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Self
from uuid import UUID

import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audiosense_common.errors import BundleError
from audiosense_common.running import RunningRule
from audiosense_common.wire import Digest, Name, TimeUs

MANIFEST = "manifest.json"
MODEL = "model.onnx"
GOLDEN = "golden.npz"
SIGNATURE = "manifest.sig"
MAX_FILE_BYTES = 64 * 2**20
MAX_MANIFEST_BYTES = 2**20
SIGNATURE_BYTES = 64
GOLDEN_TOLERANCE = 1e-6
"""Largest absolute difference between a golden score and the score that this machine computes."""

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What `zipfile` and its decompressors raise on damaged archives."""

Scorer = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Takes (windows, features) float32 and returns (windows,) float32 scores in [0, 1]."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class FeatureNeed(_Part):
    """A feature that the model takes, by name and by the digest of its definition at the bundle's sample rate."""

    name: Name
    digest: Digest


class Threshold(_Part):
    """A window at or above ``value`` is anomalous; ``method`` and ``parameters`` say how it was chosen."""

    value: Annotated[float, Field(gt=0, le=1)]
    method: Name
    parameters: dict[str, float] = Field(default_factory=dict)


class Debouncing(_Part):
    """An event opens when ``k`` of the last ``n`` windows are anomalous.

    It closes when fewer than ``k`` of the last ``n`` windows reach ``threshold - hysteresis``. One that would open
    less than ``min_gap_s`` after the last one's end is the last one, going on; bundles of releases before have no gap.
    """

    k: Annotated[int, Field(ge=1, le=1_000)] = 3
    n: Annotated[int, Field(ge=1, le=1_000)] = 5
    hysteresis: Annotated[float, Field(ge=0, lt=1)] = 0.01
    min_gap_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0

    @model_validator(mode="after")
    def _k_within_n(self) -> Self:
        if self.k > self.n:
            raise ValueError(f"debouncing needs k of n with k at most n, found {self.k} of {self.n}")
        return self


class Mode(_Part):
    """A mode of operation that was heard in the baseline, by the medians of its windows.

    ``stretches`` is how often it was entered; one that was heard in a single stretch is known badly.
    """

    share: Annotated[float, Field(gt=0, le=1)]
    stretches: Annotated[int, Field(ge=1)]
    level_dbfs: float
    dominant_hz: float
    centroid_hz: float


class Reference(_Part):
    """What is usual for each feature of the schema, the model's and all others, over the whole baseline; for reasons.

    Attributes:
        features: names; an agent uses those that it knows.
        location: median of each.
        spread: robust standard deviation of each.
    """

    features: Annotated[list[Name], Field(max_length=1_024)]
    location: list[float]
    spread: list[Annotated[float, Field(ge=0)]]

    @model_validator(mode="after")
    def _equal_lengths(self) -> Self:
        if not len(self.features) == len(self.location) == len(self.spread):
            raise ValueError("the reference's features, location and spread differ in length")
        return self


class Baseline(_Part):
    """What the model was trained on; ``location`` and ``spread`` (robust) are in the order of the model's features.

    ``windows`` were learnt from, ``left_out`` more were not, being sudden noises; ``odd`` is how many looked like some
    and is larger where they were too many to be left out. ``modes`` go from the quietest to the loudest. ``reference``
    holds location and spread for every feature; bundles of releases before it lack it.
    """

    from_us: TimeUs
    to_us: TimeUs
    windows: Annotated[int, Field(ge=1)]
    location: list[float]
    spread: list[Annotated[float, Field(ge=0)]]
    left_out: Annotated[int, Field(ge=0)] = 0
    odd: Annotated[int, Field(ge=0)] = 0
    modes: list[Mode] = Field(default_factory=list)
    reference: Reference | None = None


class Running(_Part):
    """How starts and stops are told from running; see ``running.RunningGate``. A bundle without it waits for nothing.

    ``learned_…`` are what the baseline gives, kept beside what was set in its place.
    """

    learned_dbfs: float | None = None
    learned_settling_windows: Annotated[int, Field(ge=0, le=1_000)] = 0
    quietest_dbfs: float | None = None
    hysteresis_db: Annotated[float, Field(ge=0, le=20)] = 1.5
    settling_windows: Annotated[int, Field(ge=0, le=1_000)] = 0

    def rule(self, level_dbfs: float) -> RunningRule:
        """Return how a gate at ``level_dbfs`` works."""
        return RunningRule(level_dbfs, self.quietest_dbfs, self.hysteresis_db, self.settling_windows)


class FileEntry(_Part):
    """SHA-256 and length in bytes of another file of the bundle."""

    sha256: Digest
    size: Annotated[int, Field(ge=1, le=MAX_FILE_BYTES)]


class Manifest(_Part):
    """All that an agent must know of a model. Its SHA-256, over the exact bytes, is the model's digest."""

    format: Annotated[int, Field(ge=1, le=1)] = 1
    bundle_version: Annotated[int, Field(ge=1)]
    sensor: UUID
    created_us: TimeUs
    install_before_us: TimeUs
    signing_key: Name
    detector: Name
    schema_id: Name
    features: Annotated[list[FeatureNeed], Field(min_length=1, max_length=1_024)]
    sample_rate_hz: Annotated[int, Field(ge=1_000)]
    window_s: Annotated[float, Field(gt=0)]
    threshold: Threshold
    debouncing: Debouncing = Debouncing()
    running_level_dbfs: float | None = None
    running: Running = Running()
    baseline: Baseline
    evaluation: dict[str, float] = Field(default_factory=dict)
    files: dict[str, FileEntry]

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if set(self.files) != {MODEL, GOLDEN}:
            raise ValueError(f"files names {sorted(self.files)}, expected {[GOLDEN, MODEL]}")
        if not len(self.baseline.location) == len(self.baseline.spread) == len(self.features):
            raise ValueError("baseline statistics and features differ in length")
        return self


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose signature and files were checked.

    Attributes:
        manifest: the parsed manifest.
        manifest_bytes: exactly the bytes that were signed.
        signature: Ed25519 signature over ``manifest_bytes``.
        model: the ONNX graph; input ``features`` (windows, features) float32, output ``score`` (windows, 1) float32.
        golden: the golden vectors as an npz: ``features`` (rows, features) float16, ``score`` (rows,) float32.
    """

    manifest: Manifest
    manifest_bytes: bytes
    signature: bytes
    model: bytes
    golden: bytes

    @property
    def digest(self) -> str:
        """The model's digest: SHA-256 of the manifest's bytes, which name the SHA-256 of all other files."""
        return hashlib.sha256(self.manifest_bytes).hexdigest()

    def pack(self) -> bytes:
        """Return the bundle as a ZIP; the same bundle gives the same bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (
                (MANIFEST, self.manifest_bytes),
                (MODEL, self.model),
                (GOLDEN, self.golden),
                (SIGNATURE, self.signature),
            ):
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()

    def check_golden(self, scorer: Scorer) -> float:
        """Score the golden vectors and return the largest absolute difference.

        Raises:
            BundleError: the golden vectors are malformed, a score is not finite, or one is off by more than
                ``GOLDEN_TOLERANCE``.
        """
        features, expected = load_golden(self.golden, len(self.manifest.features))
        found = np.asarray(scorer(features.astype(np.float32)), dtype=np.float32).reshape(-1)
        if found.shape != expected.shape or not np.isfinite(found).all():
            raise BundleError("golden", "the model gave no finite score for each golden vector; train it again")
        difference = float(np.abs(found - expected).max())
        if difference > GOLDEN_TOLERANCE:
            raise BundleError(
                "golden",
                f"the model is off its golden vectors by {difference:.2e}, at most {GOLDEN_TOLERANCE:.0e} is taken",
            )
        return difference


def sign_bundle(manifest: Manifest, model: bytes, golden: bytes, key: Ed25519PrivateKey) -> Bundle:
    """Make a bundle; ``manifest.files`` must describe ``model`` and ``golden`` (see ``file_entry``)."""
    content = manifest.model_dump_json().encode()
    return Bundle(manifest, content, key.sign(content), model, golden)


def file_entry(content: bytes) -> FileEntry:
    """Describe a file for the manifest."""
    return FileEntry(sha256=hashlib.sha256(content).hexdigest(), size=len(content))


def dump_golden(features: NDArray[np.float16], score: NDArray[np.float32]) -> bytes:
    """Pack golden vectors: ``features`` (rows, features) and ``score`` (rows,)."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, features=features.astype("<f2"), score=score.astype("<f4"))
    return buffer.getvalue()


def load_golden(content: bytes, width: int) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Read golden vectors; nothing is ever unpickled.

    Raises:
        BundleError: damaged, or of other shapes than (rows, ``width``) and (rows,).
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            features, score = arrays["features"], arrays["score"]
    except (KeyError, *_DAMAGE):
        raise BundleError("golden", "the golden vectors cannot be read; train the model again") from None
    if features.ndim != 2 or features.shape[1] != width or not len(features) or score.shape != (len(features),):  # noqa: PLR2004
        raise BundleError(
            "golden", f"golden vectors of shape {features.shape} and {score.shape} do not fit {width} features"
        )
    return features.astype(np.float16), score.astype(np.float32)


def open_bundle(content: bytes, keys: Mapping[str, str]) -> Bundle:
    """Read a bundle and check its signature and files.

    Args:
        content: the ZIP.
        keys: trusted signing keys by key id, raw Ed25519 public keys in hexadecimal.

    Raises:
        BundleError: no ZIP of exactly the four files, unsigned, signed by an unknown key, a file of another length or
            SHA-256 than the manifest says.
    """
    parts = _read_parts(content)
    manifest = _read_manifest(parts)
    _check_signature(manifest, parts[MANIFEST], parts[SIGNATURE], keys)
    return _whole(manifest, parts)


def open_known(content: bytes, digest: str) -> Bundle:
    """Read a bundle by the digest of its manifest, where no key is at hand; each file is checked as by ``open_bundle``.

    Raises:
        BundleError: no ZIP of exactly the four files, another manifest, a file other than the manifest says.
    """
    parts = _read_parts(content)
    found = hashlib.sha256(parts[MANIFEST]).hexdigest()
    if found != digest:
        raise BundleError("damaged", f"the bundle's manifest has the digest {found}, expected {digest}; fetch it again")
    return _whole(_read_manifest(parts), parts)


def _read_manifest(parts: Mapping[str, bytes]) -> Manifest:
    try:
        return Manifest.model_validate_json(parts[MANIFEST])
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BundleError("manifest", f"the bundle's manifest is not valid at {where!r}: {first['msg']}") from None


def _whole(manifest: Manifest, parts: Mapping[str, bytes]) -> Bundle:
    for name, entry in manifest.files.items():
        if len(parts[name]) != entry.size or hashlib.sha256(parts[name]).hexdigest() != entry.sha256:
            raise BundleError("damaged", f"the bundle's {name} is not the one that its manifest names; fetch it again")
    return Bundle(manifest, parts[MANIFEST], parts[SIGNATURE], parts[MODEL], parts[GOLDEN])


def _check_signature(manifest: Manifest, content: bytes, signature: bytes, keys: Mapping[str, str]) -> None:
    key = keys.get(manifest.signing_key)
    if key is None:
        raise BundleError(
            "unknown_key",
            f"the bundle is signed by key {manifest.signing_key!r}, trusted are {sorted(keys)}; "
            "enrol the agent with this collector again if its keys were replaced",
        )
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, content)
    except (InvalidSignature, ValueError):
        raise BundleError(
            "signature", "the bundle's signature does not match its manifest; it is not installed"
        ) from None


def _read_parts(content: bytes) -> dict[str, bytes]:
    limits = {MANIFEST: MAX_MANIFEST_BYTES, MODEL: MAX_FILE_BYTES, GOLDEN: MAX_FILE_BYTES, SIGNATURE: SIGNATURE_BYTES}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if sorted(names) != sorted(limits):
                raise BundleError("files", f"the bundle holds {sorted(names)}, expected {sorted(limits)}")
            parts = {}
            for name, limit in limits.items():
                with archive.open(name) as file:
                    parts[name] = file.read(limit + 1)
                if len(parts[name]) > limit:
                    raise BundleError("too_long", f"the bundle's {name} is longer than {limit} bytes")
            return parts
    except _DAMAGE:
        raise BundleError("damaged", "the bundle is no readable ZIP; fetch it again") from None
