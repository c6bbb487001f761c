"""A photo dropped under the name of one that had left took that one's cut-out: both copies gone.

An output was taken for a photo's own by its name alone.  The same went wrong between two inboxes
of which one was configured no more, and between two daemons with a state each.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from faults.house import House, sha256, until
from faults.pictures import valid
from nobgd.picture import provenance


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def outputs(outbox: Path) -> dict[str, str]:
    """Name of each whole cut-out → the SHA-256 of the photo that it says it was made from."""
    found = {}
    for path in outbox.glob("*.png"):
        with path.open("rb") as stream:
            said = provenance.find(stream.read(provenance.HEAD_BYTES))
            stream.seek(0)
            assert said is not None
            assert provenance.whole(stream)
        found[path.name] = said.sha256
    return found


def drop(house: House, name: str, seed: int) -> str:
    """Put a photo in, whole; its SHA-256."""
    temp = house.inbox / f".{name}.part"
    temp.write_bytes(valid(seed))
    digest = sha256(temp)
    temp.rename(house.inbox / name)
    assert house.await_versions({name: digest}, 60) == []
    return digest


def test_five_photos_of_one_name_have_five_cut_outs(tmp_path: Path, cache: Path) -> None:
    """Each old one was taken away before the next, the ledger lost once, the daemon down once."""
    digests = set()
    with House(tmp_path / "house", cache) as house:
        for seed in range(5):
            digests.add(drop(house, "scan.jpg", seed))
            (house.inbox / "scan.jpg").unlink()
            if seed == 2:
                house.kill()
                for each in house.state.glob("ledger.sqlite*"):
                    each.unlink()
                house.start()
            elif seed == 3:
                house.kill()
                house.start()
            else:
                until(lambda: _gone(house), 30, "the ledger knows that it has left")
    assert set(outputs(house.outbox).values()) == digests


def _gone(house: House) -> bool:
    ledger = house.state / "ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        row = db.execute("SELECT * FROM photo WHERE relpath=?", (b"scan.jpg",)).fetchone()
    return row is None or "gone" not in row.keys() or bool(row["gone"])  # noqa: SIM118


def test_a_photo_that_changes_where_it_stands_has_one_cut_out(tmp_path: Path, cache: Path) -> None:
    """It is the same photo; its cut-out follows it, over a restart too."""
    with House(tmp_path / "house", cache) as house:
        drop(house, "a.jpg", 1)
        drop(house, "a.jpg", 2)
        house.kill()
        house.start()
        digest = drop(house, "a.jpg", 3)
    assert outputs(house.outbox) == {"a_nobg.png": digest}


@pytest.mark.parametrize("how", ["another inbox", "another state"])
def test_one_outbox_of_two(tmp_path: Path, cache: Path, how: str) -> None:
    """An inbox that is configured no more, or a daemon elsewhere, keeps what it made."""
    with House(tmp_path / "house", cache) as house:
        first = drop(house, "a.jpg", 1)
    settings = json.loads(house.config.read_text())
    settings["inboxes"][0]["path"] = "in2"
    if how == "another state":
        settings["state_dir"] = "state2"
    (house.root / "in2").mkdir()
    house.config.write_text(json.dumps(settings))
    house.inbox = house.root / "in2"
    with house:
        second = drop(house, "a.jpg", 2)
    assert outputs(house.outbox) == {"a_nobg.png": first, "a.jpg_nobg.png": second}


def test_an_inbox_that_moved_has_its_work_already(tmp_path: Path, cache: Path) -> None:
    """The same photos at another path: the cut-outs are found, not made beside."""
    with House(tmp_path / "house", cache) as house:
        first = drop(house, "a.jpg", 1)
    settings = json.loads(house.config.read_text())
    settings["inboxes"][0]["path"] = "in2"
    house.inbox.rename(house.root / "in2")
    house.config.write_text(json.dumps(settings))
    house.inbox = house.root / "in2"
    with house:
        until(lambda: house.listen().events["photo.skipped"], 60, "it is found")
    assert outputs(house.outbox) == {"a_nobg.png": first}
