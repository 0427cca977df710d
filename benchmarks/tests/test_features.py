from audiosense_common.features import FeatureExtractor
from audiosense_common.synth import SyntheticMachine
from benchmarks.features import LibrosaDescriptors, _difference


def test_the_benchmark_compares_the_same_descriptors() -> None:
    window = SyntheticMachine("gearbox", 48_000, seed=2).render(96_000)
    oracle = LibrosaDescriptors(48_000, of_mean_spectrum=True)
    assert _difference(FeatureExtractor(48_000), oracle, window) < 1e-4
    assert set(oracle.describe(window)) == set(FeatureExtractor(48_000).names)
    assert set(LibrosaDescriptors(48_000, of_mean_spectrum=False).describe(window)) == set(oracle.describe(window))
