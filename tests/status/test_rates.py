"""Rates over a window."""

from __future__ import annotations

from typing import Any

import pytest

from nobgd.status.rates import Pulse


def done(megapixels: float) -> dict[str, Any]:
    return {"event": "photo.done", "megapixels": megapixels}


def test_rates_are_of_the_last_five_minutes() -> None:
    """Since the start while that is shorter; what is older no longer counts."""
    pulse = Pulse()
    began = pulse._began
    for second in (10, 20, 30):
        pulse.take(done(2.0), began + second)
    assert pulse.photos_per_minute(began + 60) == pytest.approx(3)
    assert pulse.megapixels_per_minute(began + 60) == pytest.approx(6)
    assert pulse.megapixels_per_minute(began + 325) == pytest.approx(2 * 60 / 300)
    assert pulse.megapixels_per_minute(began + 3000) == 0
    pulse.take({"event": "photo.failed"}, began + 3000)
    assert pulse.photos_per_minute(began + 3000) == 0
