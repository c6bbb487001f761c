"""What the log says, counted."""

from __future__ import annotations

from nobgd.metrics.collectors import Meter


def value(meter: Meter, name: str) -> float:
    """A metric without labels."""
    lines = meter.text().decode().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name} ")]
    return float(line.split()[1])


def test_a_refused_reload_is_seen_until_one_succeeds() -> None:
    """As programs of Prometheus' own have it; the start counts as a reload that succeeded."""
    meter = Meter()
    name = "nobgd_config_last_reload_success"
    assert value(meter, f"{name}ful") == 1
    began = value(meter, f"{name}_timestamp_seconds")
    meter.take({"event": "service.reload_refused", "reason": "nobgd.yaml:3:1: no such key"})
    assert value(meter, f"{name}ful") == 0
    assert value(meter, f"{name}_timestamp_seconds") == began
    meter.take({"event": "service.reloaded", "changed": [], "needs_restart": [], "inboxes": 1})
    assert value(meter, f"{name}ful") == 1
    assert value(meter, f"{name}_timestamp_seconds") >= began
