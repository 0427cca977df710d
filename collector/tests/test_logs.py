"""Lines of logs: one form for all, nothing in them that opens a door."""

import json
import subprocess
import sys

import pytest

from audiosense_collector.logs import redacted

LINES = """
import logging, structlog
from audiosense_collector.logs import LogFormat, configure_logs
configure_logs(logging.INFO, LogFormat(FORMAT))
structlog.get_logger("audiosense_collector.mine").info("mine", password="pw-1", url="postgresql://me:pw-2@host/db")
logging.getLogger("alembic.runtime").warning("theirs %s", "Authorization: Bearer pw-3")
logging.getLogger("alembic.runtime").info("not told")
try:
    raise ValueError("token=pw-4")
except ValueError:
    logging.getLogger("uvicorn.error").exception("failed")
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_own_and_libraries_lines_take_one_way_without_secrets(form):
    code = LINES.replace("FORMAT", repr(form))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == ""
    assert "pw-" not in done.stderr
    assert "not told" not in done.stderr
    for word in ("mine", "theirs", "failed", "ValueError", "postgresql://me:***@host/db"):
        assert word in done.stderr
    if form == "json":
        mine, theirs, failed = map(json.loads, done.stderr.splitlines())
        assert mine["password"] == "***"
        assert (theirs["logger"], theirs["level"]) == ("alembic.runtime", "warning")
        assert "Traceback" in failed["exception"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abc.def-1", "Authorization: Bearer ***"),
        ("enroll audiosense-1-AbC_d-9", "enroll audiosense-1-***"),
        ("GET /x?token=abc&y=1", "GET /x?token=***&y=1"),
        ("https://a.example/path", "https://a.example/path"),
    ],
)
def test_what_opens_a_door_is_left_out(text, left):
    assert redacted(text) == left
