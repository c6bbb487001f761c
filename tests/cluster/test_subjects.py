"""A worker may say and hear what it has to, and a recipe names all that decides a mask."""

from __future__ import annotations

from dataclasses import replace

from nobgd.cluster import subjects
from nobgd.values import wire

ONE = wire.Weights("/a/u2net.onnx", "ab" * 32, "u2net", "fp32", 320, (0.5,) * 3, (0.2,) * 3)


def test_a_recipe_is_what_decides_a_mask() -> None:
    """Not where the weights lie, and not what runs them."""
    same = subjects.recipe8(replace(ONE, path="/b", engine="ncnn"))
    assert same == subjects.recipe8(ONE)
    others = {
        subjects.recipe8(replace(ONE, **change))
        for change in (
            {"sha256": "cd" * 32}, {"name": "u2netp"}, {"precision": "int8"}, {"input_size": 1024},
            {"mean": (0.4,) * 3}, {"std": (0.3,) * 3},
        )
    }  # fmt: skip
    assert len(others - {same}) == 6


def test_a_worker_says_nothing_in_anothers_name() -> None:
    """It asks no question, hears no answer, manages no stream."""
    may = subjects.worker_publishes("desk-3")
    assert subjects.answer("*", "desk-3") in may
    assert subjects.hello("desk-3") in may
    assert not any(each.startswith((subjects.question(""), "$JS.API.STREAM")) for each in may)
    hears = subjects.worker_subscribes("desk-3", "desk-3")
    assert hears == ("_INBOX_desk-3.>", subjects.cast("desk-3"))


def test_a_whole_job_is_of_one_version_and_each_photo_has_its_own() -> None:
    """A machine with another nobgd is never asked for one; whatever bytes a name has."""
    recipe = subjects.recipe8(ONE)
    assert subjects.job_recipe(recipe) != recipe
    names = [subjects.photo20("/in", each) for each in ("a", "b", "a/b", "\udcff")]
    assert len({*names, subjects.photo20("/i", "n\0a")}) == 5
    job = subjects.job(subjects.job_recipe(recipe), names[0])
    assert job == f"nobgd.1.job.{subjects.job_recipe(recipe)}.any.{names[0]}"


def test_a_worker_pulls_jobs_and_makes_none() -> None:
    may = subjects.worker_publishes("desk-3")
    assert subjects.next_job("*").removesuffix(".j*") in {each.removesuffix(".*") for each in may}
    assert not any(each.startswith(subjects.JOBS.removesuffix(">")) for each in may)
