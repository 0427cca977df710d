"""Puts ``agent_testing`` on the path: its confinement runs a command as systemd would confine it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "agent" / "tests"))
