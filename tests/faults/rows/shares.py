"""Shares that are killed, hung and returned, and a real SMB server; no restart of nobgd."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from faults import servers
from faults.house import Checks, House, Stuck
from faults.pictures import valid

NAME, TITLE = "shares", "sshfs, bindfs killed and hung; smbd put and rename"
FULL, SHORT = 300, 4
_PATIENCE_S = 90.0
_DEADLINE_S = 8.0  # of a photo in a lane; some hangs last longer

missing = servers.missing


class Scene:
    """A daemon with three inboxes, each on a share of its own kind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ssh = servers.SshShare(root, "ssh")
        self.bind = servers.Share(root, "bind")
        self.nas = root / "in-smb"
        self.nas.mkdir()
        self.smb = servers.SmbServer(root, self.nas)
        self.hand = root / "hand"
        self.hand.mkdir()
        places = [self.ssh.point, self.bind.point, self.nas]
        self.house = House(
            root, root.parent / "cache", workers={"deadline_s": _DEADLINE_S},
            inboxes=[{"path": str(place), "outbox": "out"} for place in places],
        )  # fmt: skip
        apart = [path.name for path in root.iterdir() if path.name != "outside"]
        self.checks = Checks(self.house, apart)

    def start(self) -> None:
        """Shares first, then the daemon."""
        self.ssh.mount()
        self.bind.mount()
        self.smb.start()
        self.house.start()

    def close(self) -> None:
        """The daemon first."""
        self.house.kill()
        for close in (self.ssh.close, self.bind.close, self.smb.kill):
            with contextlib.suppress(Exception):
                close()


def rounds(root: Path, seed: int, start: int, stop: int) -> Iterator[tuple[int, list[str], Any]]:
    """One fault each, in turn; yields (next number, violations, counts)."""
    scene = Scene(root)
    try:
        scene.start()
        for number in range(start, stop):
            name, fault = _FAULTS[number % len(_FAULTS)]
            rng = random.Random(f"{seed}/{number}")
            photos = {
                f"{number}-{each}.jpg": valid(seed * 1_000_000 + number * 10 + each)
                for each in range(3)
            }
            wrong = []
            try:
                names = fault(scene, rng, photos)
                digests = {each: hashlib.sha256(data).hexdigest() for each, data in names.items()}
                left = scene.house.await_ends(names, _PATIENCE_S)
                wrong += [f"{number} ({name}): not done: {each}" for each in left]
                wrong += scene.checks.violations(digests)
            except Stuck as stuck:
                wrong.append(f"{number} ({name}): {stuck}")
            yield number + 1, wrong, {name: 1}
    finally:
        scene.close()


def _killed(
    share: servers.Share, house: House, rng: random.Random, photos: dict[str, bytes]
) -> None:
    first, second, third = photos
    house.inbox = share.point
    (share.backing / first).write_bytes(photos[first])
    time.sleep(rng.uniform(0.0, 1.5))  # before, in the middle of, or after the first photo
    share.kill()
    (share.backing / second).write_bytes(photos[second])
    time.sleep(rng.uniform(0.1, 2.0))
    if rng.random() < 0.5:  # the bare mount point for a while, too
        share.unmount()
        time.sleep(rng.uniform(0.1, 1.0))
    share.back()
    (share.backing / third).write_bytes(photos[third])


def _hung(share: servers.Share, house: House, rng: random.Random, photos: dict[str, bytes]) -> None:
    first, second, third = photos
    house.inbox = share.point
    (share.backing / first).write_bytes(photos[first])
    time.sleep(rng.uniform(0.0, 1.5))
    share.hang()
    (share.backing / second).write_bytes(photos[second])
    longer = rng.random() < 0.2
    time.sleep(_DEADLINE_S + 2 if longer else rng.uniform(0.2, 3.0))
    share.wake()
    (share.backing / third).write_bytes(photos[third])


def _ssh_killed(scene: Scene, rng: random.Random, photos: dict[str, bytes]) -> dict[str, bytes]:
    _killed(scene.ssh, scene.house, rng, photos)
    return photos


def _ssh_hung(scene: Scene, rng: random.Random, photos: dict[str, bytes]) -> dict[str, bytes]:
    _hung(scene.ssh, scene.house, rng, photos)
    return photos


def _bind_killed(scene: Scene, rng: random.Random, photos: dict[str, bytes]) -> dict[str, bytes]:
    _killed(scene.bind, scene.house, rng, photos)
    return photos


def _bind_hung(scene: Scene, rng: random.Random, photos: dict[str, bytes]) -> dict[str, bytes]:
    _hung(scene.bind, scene.house, rng, photos)
    return photos


def _given(scene: Scene, photos: dict[str, bytes]) -> str:
    """The client's commands that put the photos, from a folder of its own."""
    scene.house.inbox = scene.nas
    for name, data in photos.items():
        (scene.hand / name).write_bytes(data)
    return f"lcd {scene.hand}; "


def _smb_put(scene: Scene, rng: random.Random, photos: dict[str, bytes]) -> dict[str, bytes]:
    """Two copies; in between the server is killed while it takes a third."""
    first, second, third = photos
    here = _given(scene, photos)
    scene.smb.client(f"{here}put {first}")
    client = scene.smb.begin(f"{here}put {second}")
    time.sleep(rng.uniform(0.0, 0.1))
    scene.smb.kill()
    client.communicate(timeout=60)
    scene.smb.start()
    scene.smb.client(f"{here}put {second}; put {third}")
    return photos


def _smb_rename(scene: Scene, rng: random.Random, photos: dict[str, bytes]) -> dict[str, bytes]:
    """Put under a name that is no photo's, then rename; and rename what is done or under way."""
    first, second, third = photos
    here = _given(scene, photos)
    scene.smb.client(f"{here}put {first} {first}.part; rename {first}.part {first}")
    scene.smb.client(f"{here}put {second}; put {third} in.{third}")
    time.sleep(rng.uniform(0.0, 1.0))
    scene.smb.client(f"rename in.{third} {third}; rename {second} new-{second}")
    return {first: photos[first], f"new-{second}": photos[second], third: photos[third]}


_Fault = Callable[[Scene, random.Random, dict[str, bytes]], dict[str, bytes]]
_FAULTS: tuple[tuple[str, _Fault], ...] = (
    ("sshfs killed", _ssh_killed),
    ("bindfs killed", _bind_killed),
    ("smbd put", _smb_put),
    ("sshfs hung", _ssh_hung),
    ("bindfs hung", _bind_hung),
    ("smbd rename", _smb_rename),
)
