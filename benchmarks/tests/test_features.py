"""The benchmark of features compares like with like."""

import pytest

from audiosense_common.features import FeatureExtractor
from audiosense_common.synth import SyntheticMachine
from benchmarks.features import LibrosaDescriptors, _difference

pytestmark = pytest.mark.usefixtures("oracle")


def test_the_benchmark_compares_the_same_descriptors() -> None:
    window = SyntheticMachine("gearbox", 48_000, seed=2).render(96_000)
    theirs = LibrosaDescriptors(48_000, of_mean_spectrum=True)
    assert _difference(FeatureExtractor(48_000), theirs, window) < 1e-4
    assert set(theirs.describe(window)) == set(FeatureExtractor(48_000).names)
    assert set(LibrosaDescriptors(48_000, of_mean_spectrum=False).describe(window)) == set(theirs.describe(window))
