"""docs/alert-rules.yaml, by Prometheus' own tool: sound, and heard when they should be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
RULES = HERE.parents[1] / "docs/alert-rules.yaml"

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


def test_every_rule_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    """alerts.yaml has the courses of the metrics and what is to be heard of them."""
    cases = tmp_path / "alerts.yaml"
    cases.write_text((HERE / "alerts.yaml").read_text().replace("RULES", str(RULES)))
    for words in (["check", "rules", str(RULES)], ["test", "rules", str(cases)]):
        done = subprocess.run(
            ["promtool", *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case() -> None:
    """And one that says when it is not heard."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    cases = [
        each
        for test in yaml.safe_load((HERE / "alerts.yaml").read_text())["tests"]
        for each in test["alert_rule_test"]
    ]
    for rule in group["rules"]:
        mine = [
            bool(each.get("exp_alerts")) for each in cases if each["alertname"] == rule["alert"]
        ]
        assert set(mine) == {True, False}, rule["alert"]
