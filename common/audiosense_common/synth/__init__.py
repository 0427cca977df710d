"""Synthetic sound of rotating machines, healthy and with faults; seeded and reproducible."""

from audiosense_common.synth.faults import FAULT_KINDS, Fault
from audiosense_common.synth.kinds import MACHINE_KINDS, SynthError
from audiosense_common.synth.machines import SyntheticMachine

__all__ = ["FAULT_KINDS", "MACHINE_KINDS", "Fault", "SynthError", "SyntheticMachine"]
