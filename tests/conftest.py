"""What all tests share: who may run beside whom, when several processes run them."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from xdist.scheduler import LoadScopeScheduling

# What takes longest begins first, so that no process has it left when the others are done
_LONG = (
    "systemd",
    "tests/e2e/test_dropping.py",
    "tests/quantize/",
    "tests/test_benchmarks.py",
    "tests/report/test_report.py",
    "tests/parity/",
)
# What waits for disks, daemons and machines more than it computes is spread among the others
_WAIT = (
    "tests/faults/test_short_form.py",
    "tests/faults/",
    "tests/e2e/",
    "tests/cluster/",
    "tests/web/",
)
_APART = (
    "tests/faults/",
    "tests/e2e/test_trouble.py",
    "tests/e2e/test_dropping.py",
    "tests/cluster/test_working.py",
    "tests/cluster/test_away.py",
)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """One process for each file; one for all of tests/systemd, which boots one machine.

    Tests that begin with a daemon of their own stand each by itself: together they take minutes.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def _scope(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    if path.startswith(_APART):
        return nodeid
    return "systemd" if path.startswith("tests/systemd/") else path


def _in_turn(scopes: list[str]) -> list[str]:
    """``scopes`` with the longest first, and those that wait evenly among the others."""
    long = [scope for head in _LONG for scope in scopes if scope.startswith(head)]
    rest = [scope for scope in scopes if scope not in long]
    waiting = list(
        dict.fromkeys(scope for head in _WAIT for scope in rest if scope.startswith(head))
    )
    computing = [scope for scope in rest if not scope.startswith(_WAIT)]
    places = [
        *((number / len(waiting), scope) for number, scope in enumerate(waiting)),
        *((number / len(computing), scope) for number, scope in enumerate(computing)),
    ]
    return long + [scope for _, scope in sorted(places)]


# Further variants of what one of the same kind shows already: `make faults` tries them, too
_FURTHER = (
    "::test_the_others_go_on_and_the_share_comes_back[archive",
    "::test_the_others_go_on_and_the_share_comes_back[quar",
    "::test_a_start_and_a_stop_while_it_hangs[quar",
    "::test_each_way_of_editing_is_seen[poll",
    "::test_the_ledger_comes_first[del",
    "::test_the_ledger_comes_first[archived a",
    "::test_whatever_the_disk_says[long",
    "::test_whatever_the_disk_says[letters",
    "::test_photos_wait_until_it_is_bound_again[archive",
    "::test_one_outbox_of_two[another in",
    "::test_sources_go_only_after_their_output_is_whole[delete",
    "::test_the_alpha_is_rembgs_mask[u2net-grey",
    "::test_the_alpha_is_rembgs_mask[u2net-cmyk",
    "::test_the_alpha_is_rembgs_mask[u2net-turned",
    "::test_the_alpha_is_rembgs_mask[u2net-large",
    "::test_the_mask_is_onnx_runtimes[u2netp-1",
    "::test_a_bundle_mends_a_broken_installation",
    "::test_a_row_does_what_rembgs_session_does[birefnet-general]",
    "::test_a_row_does_what_rembgs_session_does[birefnet-portrait]",
    "::test_a_row_does_what_rembgs_session_does[isnet-anime]",
    "::test_a_row_does_what_rembgs_session_does[u2net_human_seg]",
    "::test_a_worker_is_installed_by_its_join_file[script",
    "::test_a_model_below_the_bar_is_not_installed",
    "::test_the_others_go_on_and_the_share_comes_back[outbox",
    "::test_the_mask_is_onnx_runtimes[u2netp-2",
    "::test_whatever_the_disk_says[colons",
    "::test_a_start_and_a_stop_while_it_hangs[inbox",
    "::test_the_other_parts_run_as_well",
    "::test_int8_is_built_installed_and_used[u2net-",
    "::test_a_run_that_is_cut_short_changes_nothing_and_the_next_one_finishes",
    "::test_every_screen_is_accessible_and_in_its_language[en-GB-dark",
    "::test_every_screen_is_accessible_and_in_its_language[en-GB-phone",
    "::test_every_screen_is_accessible_and_in_its_language[zh-CN-light",
    "::test_the_others_go_on_and_the_share_comes_back[inbox",
    "::test_it_is_thrown_away_and_made_anew[onnxruntime",
    "::test_a_kill_on_the_way_costs_no_original[ledger lost",
    "::test_no_violation[storm_work",
    "::test_no_violation[shares_far",
    "::test_no_violation[shares_real",
    "::test_no_violation[zombie_work",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--further`` runs what is left out else."""
    parser.addoption("--further", action="store_true", help="only the variants of _FURTHER")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the order of `_in_turn`; further variants by themselves."""
    asked = [arg for arg in config.args if "::" in arg]
    if not asked:
        wanted = config.getoption("--further")
        left = [item for item in items if any(each in item.nodeid for each in _FURTHER) != wanted]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in set(left)]
    scopes = list(dict.fromkeys(_scope(item.nodeid) for item in items))
    turn = {scope: number for number, scope in enumerate(_in_turn(scopes))}
    items.sort(key=lambda item: turn[_scope(item.nodeid)])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Whatever ``--dist`` says, and in our order."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session")
def subject() -> np.ndarray:
    """A red ball on a grey wall, RGBX."""
    y, x = np.mgrid[0:600, 0:800]
    ball = np.hypot(x - 400, y - 300) < 180
    shade = (1 - np.hypot(x - 340, y - 240) / 500).clip(0.2, 1)[..., None]
    pixels = np.where(ball[..., None], shade * (230, 40, 30), (150, 152, 155)).astype(np.uint8)
    return np.dstack([pixels, np.full((600, 800), 255, np.uint8)])


@pytest.fixture
def lost_lines_end_here() -> Iterator[None]:
    """NATS' client leaves what a failed connection had to the collector, which complains."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
