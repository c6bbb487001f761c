"""The bar of one pass: which photo, how many, how fast, at any width."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from nobgd.cli.tally import Tally
from nobgd.supervisor.service import Service


@pytest.mark.parametrize("width", [45, 60, 120])
def test_the_bar_names_the_photo_and_keeps_its_counts(width: int) -> None:
    """A long name is cut, the count never is; nothing in it can steer the terminal."""
    job = SimpleNamespace(relpath="trip/a-photo-\x1b[2Jwith-a-rather-long-name.jpg")
    state = SimpleNamespace(backlog=[None] * 20, in_flight={("/in", job.relpath): job})
    service = SimpleNamespace(state=state, loop=SimpleNamespace())
    tally = Tally()
    tally._console = Console(file=io.StringIO(), force_terminal=True, width=width)
    tally.counts["done"], tally.began = 7, tally.began - 60
    bar = tally.bar(cast(Service, service))
    service.loop.ticked()
    with tally._console.capture() as capture:
        tally._console.print(bar.get_renderable())
    (line,) = capture.get().splitlines()
    assert "a-photo-" in line
    assert " 7/28" in line
    assert "7/min" in line
    assert "\x1b[2J" not in line
