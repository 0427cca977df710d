"""``python -m deploy.demo.pictures``: the pictures of the documentation, taken of the demo itself.

It runs the demo on simulated machines with an administrator, until their faults are heard, names sites, writes a note,
judges an event and analyses a recording, then opens each page in Chromium as a desktop and as a phone. Pictures go to
``docs/images``.
"""

import argparse
import io
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from playwright.sync_api import StorageState, sync_playwright

from audiosense_common.synth import SyntheticMachine
from deploy.demo.machines import SAMPLE_RATE_HZ
from deploy.demo.processes import DemoError
from deploy.demo.run import Demo
from deploy.demo.shots import SHOTS, Photographer
from deploy.demo.terminal import Terminal

ADMINISTRATOR, PASSWORD = "maria", "a few words of maria"
LISTENED_S = 40
"""So long the machines are heard with their faults before the pictures."""
ANALYSED_S = 20
SITES = {"Pump 1": "Boiler house", "Fan 1": "Boiler house", "Gearbox 1": "Mill hall", "Motor 1": "Mill hall"}
TAGS = {"Pump 1": ["feed water", "critical"], "Gearbox 1": ["line 2"], "Motor 1": ["line 2", "critical"]}
ON_A_PHONE = ["fleet", "machine", "review", "models", "agents", "analysis", "plant", "start"]
IN_OTHER_THEMES = {"dark": ["fleet", "machine", "review"], "contrast": ["fleet"]}


class PicturedDemo(Demo):
    """A demo with people in it, that takes pictures where others go on until Ctrl-C."""

    target = Path("docs/images")

    def _start_collector(self) -> None:
        self.collector_environment["AUDIOSENSE_DEMO"] = "0"
        super()._start_collector()
        self.api.headers["AudioSense-Page"] = "1"
        link = self._link()
        self._send("POST", "/api/v1/setup", json={"link": link, "name": ADMINISTRATOR, "password": PASSWORD})

    def _link(self) -> str:
        for _ in range(100):
            if found := re.search(r"/setup#(\S+)", (self.folder / "collector.log").read_text()):
                return found[1]
            time.sleep(0.1)
        raise DemoError("the collector has not printed the link for its first administrator")

    def _send(self, method: str, path: str, **content: Any) -> Any:
        answer = self.api.request(method, path, **content)
        if answer.is_error:
            raise DemoError(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json() if answer.status_code != httpx.codes.NO_CONTENT else None

    def _stay(self) -> None:
        self.terminal.stage("pictures", "Taking pictures of each page")
        self.furnish()
        time.sleep(LISTENED_S)
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        if chromium is None:
            raise DemoError("chromium is missing; install it with: apt-get install --no-install-recommends chromium")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            photographer = Photographer(browser, str(self.api.base_url), self.storage(), self.target)
            photographer.take(list(SHOTS), "desktop")
            photographer.take(ON_A_PHONE, "phone")
            photographer.take_sign_in("desktop")
            for theme, names in IN_OTHER_THEMES.items():
                photographer.take(names, "desktop", theme)
            browser.close()

    def storage(self) -> StorageState:
        """Return the administrator's cookies, as a browser has them."""
        host = self.api.base_url.host
        cookies = [
            {"name": each.name, "value": each.value or "", "domain": host, "path": "/"} for each in self.api.cookies.jar
        ]
        return {"cookies": cookies, "origins": []}  # type: ignore[typeddict-item]

    def furnish(self) -> None:
        """Give machines their sites and tags, and do what people do in a shift."""
        sites = {name: self._send("POST", "/api/v1/sites", json={"name": name})["id"] for name in set(SITES.values())}
        machines = {each["name"]: each for each in self._get("/api/v1/fleet")["machines"]}
        for name, site in SITES.items():
            change = {"site_id": sites[site], "tags": TAGS.get(name, [])}
            self._send("PATCH", f"/api/v1/machines/{machines[name]['id']}", json=change)
        pump = machines["Pump 1"]
        note = {"machine_id": pump["id"], "text": "Drive-end bearing greased, 12 g. Still louder than on Monday."}
        self._send("POST", "/api/v1/notes", json=note)
        for name, role in (("jonas", "operator"), ("night.shift", "viewer")):
            self._send("POST", "/api/v1/users", json={"name": name, "role": role, "password": PASSWORD})
        self._send("POST", "/api/v1/tokens", json={"name": "weekly report", "scope": "viewer", "days": 90})
        event = next(each for each in self._events() if each["machine_name"] == "Pump 1")
        said = {"events": [event["id"]], "verdict": "confirmed", "cause": "bearing", "comment": "Order 4711"}
        self._send("POST", "/api/v1/reviews", json=said)
        self._analyse(pump["sensors"][0]["id"])

    def _analyse(self, sensor: str) -> None:
        sound = SyntheticMachine("pump", SAMPLE_RATE_HZ, seed=11).render(ANALYSED_S * SAMPLE_RATE_HZ)
        half = len(sound) // 2
        sound[half:] += 0.05 * np.random.default_rng(1).standard_normal(len(sound) - half)
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
        files = {"file": ("pump 1, Tuesday.wav", buffer.getvalue(), "audio/wav")}
        self._send("POST", "/api/v1/analyses", files=files, data={"sensor": sensor})


def main() -> None:
    """Run the demo for its pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000, help="the dashboard's port (default: %(default)s)")
    parser.add_argument("--target", type=Path, default=PicturedDemo.target, help="default: %(default)s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="audiosense-pictures-") as folder:
        demo = PicturedDemo(Path(folder), Terminal(), None, check=False, port=arguments.port)
        demo.target = arguments.target
        demo.run()


if __name__ == "__main__":
    main()
