"""Puts ``demo_testing``, what the tests of the whole product are made of, on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
