"""Exports that a job writes into a file, to be fetched when it is done."""
