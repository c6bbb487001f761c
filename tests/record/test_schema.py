"""Log, report and documentation say the same; the recipes of the documentation run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from benchmarks import sample

from nobgd.record import events, fields, schema
from nobgd.values import Code, Done, Failed, Skip

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reading-the-log.md").read_text()


VALIDATOR = jsonschema.Draft202012Validator(schema.schema())


def check(event: dict[str, Any]) -> None:
    VALIDATOR.validate(event)
    assert event.keys() <= fields.FIELDS.keys()


def test_the_schema_on_disk_is_the_one_generated() -> None:
    """docs/log-schema.json is schema.text(), and a valid schema."""
    assert (ROOT / "docs/log-schema.json").read_text() == schema.text()
    jsonschema.Draft202012Validator.check_schema(schema.schema())


def test_the_tables_of_the_page_are_generated() -> None:
    """docs/reading-the-log.md ends with schema.tables()."""
    assert PAGE.split("<!-- generated -->")[1].strip() == schema.tables().strip()
    assert f"version {events.SCHEMA_VERSION}" in PAGE


def test_every_record_is_in_the_schema() -> None:
    """What events.py makes is valid and has no unknown field; the sample too."""
    head = {"timestamp": "2026-01-01T00:00:00.000000Z", "level": "info"}
    done = Done("/in", "a.jpg", "/out/a_nobg.png", "s", "r", 4, 3, 2, 1)
    failed = Failed("/in", "a.jpg", Code.BROKEN, "broken: copy it again")
    for event in (
        events.photo_done(done, lane=0, queued_ms=1.0),
        events.photo_failed(failed, retry_in_s=None),
        events.photo_quarantined(failed, quarantine="/q"),
        events.photo_skipped(Skip("/in", "a.jpg", "not a photo")),
        *sample.events(50),
    ):
        check({**head, **event})


def test_every_event_in_the_code_is_in_the_schema() -> None:
    """Names like inbox.lost in the daemon's code are events of the schema."""
    other = {"control.sock"}  # the name of a file
    pattern = re.compile(r'"((?:photo|source|service|inbox|outbox|share|lane|control|metrics)'
                         r'\.[a-z_]+)"')  # fmt: skip
    for path in (ROOT / "daemon/nobgd").rglob("*.py"):
        for name in pattern.findall(path.read_text()):
            assert name in schema.EVENTS or name in other, f"{name} in {path.name}"


@pytest.mark.parametrize("name", ["timestamp", "source", "total_ms"])
def test_a_photo_without_what_is_promised_is_refused(name: str) -> None:
    """The schema can fail."""
    event = next(each for each in sample.events(5) if each["event"] == "photo.done")
    del event[name]
    with pytest.raises(jsonschema.ValidationError):
        check(event)


def recipes(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "nobgd.record.log"
    path.write_text("".join(sample.lines(400)))
    return path


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_jq_recipes_run(log: Path) -> None:
    """Each prints lines; the slowest photo comes first; every day is there."""
    answers = []
    for recipe in recipes("sh"):
        if "journalctl" in recipe:
            asked = "journalctl -u nobgd -o cat -p warning"
            recipe = recipe.splitlines()[0].replace(asked, f"cat {log}")
        done = subprocess.run(
            recipe.replace("LOG", str(log)), shell=True, capture_output=True, text=True, check=True
        )
        assert not done.stderr
        answers.append(done.stdout.splitlines())
    photos = [e for e in sample.events(400) if e["event"] == "photo.done"]
    slowest = sorted((e["total_ms"] for e in photos), reverse=True)[:10]
    assert [float(line.split("\t")[0]) for line in answers[0]] == slowest
    assert sum(int(line.split()[1]) for line in answers[1]) == len(photos)
    assert len(answers[2]) == sum(e["event"] == "photo.quarantined" for e in sample.events(400))
    assert len(answers) == 4


def test_the_duckdb_recipe_runs(log: Path) -> None:
    """Its median is that of the sample."""
    duckdb = pytest.importorskip("duckdb", reason="duckdb has no wheel here")
    (recipe,) = recipes("sql")
    rows = duckdb.sql(recipe.replace("LOG", str(log))).fetchall()
    photos = [e for e in sample.events(400) if e.get("how") == "computed"]
    assert {row[0]: row[1] for row in rows} == {
        inbox: sum(e["inbox"] == inbox for e in photos) for inbox in sample.INBOXES
    }
    costs = sorted(e["ms_per_megapixel"] for e in photos if e["inbox"] == rows[0][0])
    middle = (costs[(len(costs) - 1) // 2] + costs[len(costs) // 2]) / 2
    assert rows[0][2] == pytest.approx(middle)


def test_the_log_is_read_by_its_events_only() -> None:
    """The report uses no field that the schema does not have."""
    used = set()
    for path in (ROOT / "daemon/nobgd/report").glob("*.py"):
        used |= set(re.findall(r'event(?:\.get\(|\[)"([a-z_0-9]+)"', path.read_text()))
    assert used - {"MESSAGE"} <= fields.FIELDS.keys()
    assert "total_ms" in json.dumps(schema.schema())
