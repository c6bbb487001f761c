"""The folders of whole photos from both ends, on real folders and mounts."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.conftest import Broker
from doctor.conftest import Mount
from nobgd import cli, config, models
from nobgd.broker import acts
from nobgd.cluster import frames, join, subjects
from nobgd.cluster.words import Cast, Offered, Wanted
from nobgd.doctor import ask, cluster, reached, shares
from nobgd.doctor.ask import Who
from nobgd.machines import dialling
from nobgd.values import wire

pytestmark = pytest.mark.usefixtures("lost_lines_end_here")
_RUN = "0" * 16


def _cast(*offered: tuple[str, str, bool]) -> Cast:
    folders = [Offered(share=name, below=below, writes=out) for name, below, out in offered]
    return Cast(home=_RUN, offered=folders)


def _worker(folders: dict[str, Path], cast: Cast | None, who: Who) -> list[str]:
    return [str(each) for each in shares.worker(folders, cast, who)]


def test_what_home_wants_of_a_share_is_tried(home: Path) -> None:
    """Each folder that it offers, where it is here."""
    (home / "in" / "2024").mkdir()
    folders, me = {"in": home / "in", "out": home / "out"}, ask.service_user("nobody-at-all")
    said = _worker(folders, _cast(("in", "2024", False), ("out", "", True)), me)
    first, second = (each for each in said if "2 s" not in each)
    assert first.startswith(f"ok   share in {home / 'in' / '2024'}: ")
    assert first.endswith(f"{me.name} can read")
    assert second.startswith(f"ok   share out {home / 'out'}: ")
    assert second.endswith(f"{me.name} can read and write")
    assert list((home / "out").iterdir()) == []


def test_a_folder_that_is_not_there_says_what_to_do(home: Path) -> None:
    """It is mounted elsewhere, or not."""
    me = ask.service_user("nobody-at-all")
    (line,) = _worker({"in": home / "in"}, _cast(("in", "2025", False)), me)
    assert line.startswith(f"FIX  share in {home / 'in' / '2025'}: is missing; mount the share")


def test_a_share_that_has_no_folder_here_is_a_fault(home: Path) -> None:
    """And so is a home that offers none."""
    me = ask.service_user("nobody-at-all")
    first, *_ = _worker({"in": home / "in"}, _cast(("in", "", False), ("out", "", True)), me)
    assert first.startswith("FIX  shares: home has a share out that is not here; name its folder")
    (line,) = _worker({"in": home / "in"}, _cast(), me)
    assert line.startswith("FIX  shares: home names no folder for whole photos")


def test_what_cannot_be_written_is_no_fault_while_nobody_says_that_it_has_to(
    home: Path, mount: Mount
) -> None:
    """It may be an inbox; both are tried."""
    me = ask.service_user("nobody-at-all")
    (line,) = _worker({"out": home / "out"}, None, me)
    assert line.endswith(f"{me.name} can read and write")
    mount(home / "out", "ro")
    (line,) = _worker({"out": home / "out"}, None, me)
    assert line.startswith("ok   share out")
    assert f"{me.name} can read and not write (" in line
    assert line.endswith("), which is enough where there are only inboxes")


def test_who_is_kept_out_is_named() -> None:
    """The worker's user, which is not the one who asks."""
    who = Who("nobgd-worker", "nobgd-worker", 990, 990)
    assert shares._way_out({"forbidden": True}, who).endswith("here it is nobgd-worker")


def test_a_read_only_mount_is_said_as_such(home: Path, mount: Mount) -> None:
    """With how to mount it."""
    mount(home / "out", "ro")
    me = ask.service_user("nobody-at-all")
    said = _worker({"out": home / "out"}, _cast(("out", "", True)), me)
    assert all(each.startswith("FIX") for each in said)
    assert "is mounted read-only (ro), and cut-outs are written there; mount it with rw" in said[1]
    said = _worker({"out": home / "out"}, _cast(("out", "", False)), me)
    assert all(each.startswith("ok ") for each in said)


@pytest.fixture
def loaded(home: Path) -> Callable[..., config.Config]:
    """A home's configuration with these shares."""

    def load(named: dict[str, str], boxes: str = "{path: in, outbox: out}") -> config.Config:
        folders = ", ".join(f"{name}: {path}" for name, path in named.items())
        cluster = f"{{listen: 'tls://127.0.0.1:4222', shares: {{{folders}}}}}"
        text = f"state_dir: state\ncluster: {cluster}\ninboxes: [{boxes}]\n"
        (home / "nobgd.yaml").write_text(text)
        return config.load(home / "nobgd.yaml")

    return load


def _home(loaded: config.Config) -> list[str]:
    return [str(each) for each in shares.home(loaded, ask.service_user("nobody-at-all"))]


def test_home_looks_at_the_folders_that_it_names(
    loaded: Callable[..., config.Config], home: Path
) -> None:
    """All is well, or one is missing."""
    said = _home(loaded({"in": "in", "out": "out"}))
    assert [each.split(" (")[0].rpartition(":")[0] for each in said] == [
        f"ok   share in {home / 'in'}", f"ok   share out {home / 'out'}"
    ]  # fmt: skip
    said = _home(loaded({"in": "in", "out": "out", "more": "more"}))
    assert f"FIX  share more {home / 'more'}: is missing; mount the share" in said[2]
    assert _home(loaded({})) == []


def test_an_inbox_that_is_half_in_a_share_is_a_fault(
    loaded: Callable[..., config.Config], home: Path
) -> None:
    """Whole photos need both; one that is in none is done at home, as somebody may want it."""
    *_, half, none = _home(loaded({"in": "in"}))
    assert half.startswith(f"FIX  inbox {home / 'in'}: it lies in a share and its outbox does not")
    assert none.startswith("FIX  shares: no inbox lies in one with its outbox")
    *_, half, _ = _home(loaded({"out": "out"}))
    assert "its outbox lies in a share and it does not" in half
    boxes = "{path: in, outbox: out}, {path: in2, outbox: out2}"
    *_, other = _home(loaded({"in": "in", "out": "out"}, boxes))
    assert other == f"ok   inbox {home / 'in2'}: is in no share; its photos are done here"


def test_more_inboxes_than_can_be_offered_are_a_fault(
    loaded: Callable[..., config.Config],
) -> None:
    """As then none is."""
    boxes = ", ".join(f"{{path: in/{n}, outbox: out/{n}}}" for n in range(13))
    *_, last = _home(loaded({"in": "in", "out": "out"}, boxes))
    assert last.startswith("FIX  shares: 26 inboxes and outboxes lie in them, and at most 24")


@contextlib.contextmanager
def speaking(broker: Broker, host: str, cast: Cast) -> Iterator[None]:
    """A home that says so every tenth of a second."""
    over, access = threading.Event(), acts.home_join(broker.config)

    async def speak() -> None:
        opened, _ = await dialling.dial(str(access))
        while not over.is_set():
            await opened.publish(subjects.cast(host), frames.pack(cast))
            await asyncio.sleep(0.1)
        await opened.close()

    thread = threading.Thread(target=lambda: asyncio.run(speak()))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_what_home_says_is_heard_by_doctor(
    broker: Broker, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the machine hears it; and what `--share` names is looked at, too."""
    with broker.told():
        made, _ = acts.invite(broker.config, "desk-6", role="worker", again=False)
    file = broker.base / "desk-6.join"
    join.write(file, made)
    assert reached.said(made) is None
    assert reached.said(dataclasses.replace(made, url="tls://127.0.0.1:1")) is None
    asked = ["doctor", "--worker", str(file), "--share", f"out={home / 'gone'}"]
    with speaking(broker, "desk-6", _cast(("out", "", True))):
        found = reached.said(made)
        assert found is not None
        assert [each.share for each in found.offered] == ["out"]
        assert cli.main(asked) == 1
    assert f"FIX  share out {home / 'gone'}: is missing" in capsys.readouterr().out


def test_the_weights_that_home_wants_are_looked_at(broker: Broker) -> None:
    """A worker has no model of its own to choose; where home is silent, what to do is said."""
    with broker.told():
        made, _ = acts.invite(broker.config, "desk-5", role="worker", again=False)
    file = broker.base / "desk-5.join"
    join.write(file, made)
    *_, silent = map(str, cluster.worker(file))
    assert f"`nobgd worker --join {file} --check` asks" in silent
    found = models.find("u2netp")
    spec = found.spec
    weights = wire.Weights(
        str(found.path), found.sha256, "u2netp", "fp32", spec.input_size, spec.mean, spec.std
    )
    good = Wanted(
        recipe=subjects.recipe8(weights), model="u2netp", precision="fp32", sha256=spec.sha256
    )
    away = Wanted(recipe="0a1b2c3d", model="silueta", precision="fp32", sha256="ab" * 32)
    with speaking(broker, "desk-5", Cast(home=_RUN, wanted=[good, away])):
        *_, here, missing = map(str, cluster.worker(file))
    assert here == f"ok   model u2netp fp32: {found.path}, as home wants it"
    assert missing.startswith("FIX  model silueta fp32: silueta.onnx is in none of ")
    assert missing.endswith("get it with `nobgd models fetch silueta` (44 MB)")
    with speaking(broker, "desk-5", Cast(home=_RUN, refused="its mask differs")):
        *_, refused = map(str, cluster.worker(file))
    assert refused == "FIX  home: refuses this machine: its mask differs"
