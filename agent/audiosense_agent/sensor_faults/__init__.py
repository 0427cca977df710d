"""Faults of a sensor, told apart from faults of its machine."""
