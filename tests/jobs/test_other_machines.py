"""What another machine may have made before a photo came home is our work, and said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import follows
from nobgd.values import Done, Job
from nobgd.values.wire import Finished


@pytest.mark.parametrize(("was_away", "event"), [(True, "photo.done"), (False, "photo.skipped")])
def test_what_is_found_after_another_machine_had_it_is_done(
    tmp_path: Path, was_away: bool, event: str
) -> None:
    desk = follows.Desk(tmp_path, "keep", once=False)
    job = desk.job()
    future = next(future for each, future in desk.lanes.asked if isinstance(each, Job))
    found = Done(
        job.inbox, job.relpath, f"{job.outbox}/a_nobg.png", "0" * 64, job.recipe.key, 3, 2, 10, 10,
        how="found",
    )  # fmt: skip
    future.set_result(Finished(found, 0, 0.5, was_away=was_away))
    desk.step()
    assert f'"event": "{event}"' in desk.out.getvalue()
