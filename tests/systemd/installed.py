"""nobgd as it is installed on a `Machine`: drop photos, read the log, change its settings."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from PIL import Image

from systemd.machine import UNIT, Machine, await_true

DROPIN = "/etc/systemd/system/nobgd.service.d"
CONFIG = "/etc/nobgd/nobgd.yaml"
IN, OUT = "/srv/nobgd/in", "/srv/nobgd/out"
QUICK = "watch: {settle_s: 0.5}\n"  # the tests' photos are moved in whole


class Nobgd:
    """The installed service."""

    def __init__(self, machine: Machine, photo: Path) -> None:
        self.machine = machine
        self.photo = photo
        self.first = ""  # the configuration that install.sh wrote
        self.usual = ""  # the one of most tests: u2netp, settled soon
        self._dropped = 0

    def drop(self, name: str, folder: str = IN, scale: float = 1.0) -> str:
        """A photo that no other equals, moved in whole; where its cut-out will be."""
        self._dropped += 1
        outside = self.photo.with_name(f"{self._dropped}.jpg")
        with Image.open(self.photo) as picture:
            size = (int(picture.width * scale) + self._dropped, int(picture.height * scale))
            picture.resize(size).save(outside, quality=85)
        self.put(outside, f"{folder}/{name}")
        outside.unlink()
        return f"{folder.replace(IN, OUT)}/{name.removesuffix('.jpg')}_nobg.png"

    def put(self, outside: Path, path: str) -> None:
        """A file from here, into a folder of any mount inside, as another user."""
        self.machine.run("mkdir", "-p", "/opt/drop")
        shutil.copy(outside, self.machine.within("/opt/drop/x"))
        self.machine.sh(f"cp /opt/drop/x {path}.part && mv {path}.part {path}")

    def there(self, path: str) -> bool:
        return self.machine.run("test", "-e", path, check=False).returncode == 0

    def await_there(self, path: str, limit_s: float = 60) -> None:
        try:
            await_true(lambda: self.there(path), limit_s)
        except AssertionError:
            tail = "\n".join(self.machine.journal().splitlines()[-15:])
            raise AssertionError(f"{path} is not there after {limit_s} s:\n{tail}") from None

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [line for line in self.machine.journal().splitlines() if line.startswith("{")]
        return [event for line in lines if (event := json.loads(line)).get("event") == name]

    def configure(self, text: str, *, apply: bool = True) -> None:
        """Another configuration, and the drop-in for it."""
        self.machine.run("sh", "-c", f"cat > {CONFIG}", stdin=text)
        if apply:
            self.machine.run("nobgd", "unit", "--apply")

    def restart(self) -> None:
        self.machine.run("systemctl", "reset-failed", UNIT, check=False)
        self.machine.run("systemctl", "restart", UNIT)

    def back_to_usual(self) -> None:
        self.configure(self.usual)
        self.restart()

    def dropin(self, text: str) -> None:
        self.machine.run("sh", "-c", f"cat > {DROPIN}/90-test.conf", stdin=f"[Service]\n{text}\n")
        self.machine.run("systemctl", "daemon-reload")

    def no_dropin(self) -> None:
        self.machine.run("rm", "-f", f"{DROPIN}/90-test.conf")
        self.machine.run("systemctl", "daemon-reload")

    def quicken(self) -> None:
        """From the configuration of a new installation to that of the other tests."""
        self.first = self.machine.run("cat", CONFIG).stdout
        self.usual = QUICK + self.first.replace("{name: u2net}", "{name: u2netp}")
        quick = f"printf '[Service]\\nRestartSec=200ms\\n' > {DROPIN}/80-quick.conf"
        self.machine.sh(quick)
        self.back_to_usual()


def files(machine: Machine) -> set[str]:
    """Every file on the machine's own layer."""
    layer = machine.base / "up"
    return {
        os.path.relpath(os.path.join(folder, name), layer)
        for folder, _, names in os.walk(layer)
        for name in names
    }
