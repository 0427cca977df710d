"""Runs the command line as ``python -m audiosense_agent``."""

from audiosense_agent.cli import main

main()
