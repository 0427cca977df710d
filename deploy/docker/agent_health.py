"""Health check of the agent's container: each sensor has committed a window within the last five minutes."""

import json
import subprocess
import sys
import time

LIMIT_US = 300_000_000


def silent_sensors(found: str, now_us: int) -> list[str]:
    """Return the sensors of ``audiosense-agent status --json`` that were not heard for too long."""
    sensors = json.loads(found)["sensors"]
    return [name for name, sensor in sensors.items() if now_us - (sensor["time_us"] or 0) > LIMIT_US]


if __name__ == "__main__":
    status = subprocess.run(["audiosense-agent", "status", "--json"], capture_output=True, text=True, check=True)  # noqa: S607
    silent = silent_sensors(status.stdout, time.time_ns() // 1_000)
    sys.exit(f"not heard for five minutes: {', '.join(silent)}" if silent else 0)
