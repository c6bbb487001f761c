"""What a lane may say, and what is refused: by type, range, length and name."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.fs import spelling
from nobgd.jobs import plan
from nobgd.lane import process, worker
from nobgd.pool import outcome, reply
from nobgd.pool.stages import may_ask
from nobgd.values import Code, Done, Failed, Job, Recipe, Timing, wire
from nobgd.values.errands import (
    LARGE,
    STATES,
    Digest,
    Dispose,
    Errand,
    Peek,
    Prepare,
    PutBack,
    SetAside,
    Unlink,
)
from nobgd.values.mount import Mount

NAME = b"trip/caf\xe9\n.jpg".decode("utf-8", "surrogateescape")
SHA = "ab" * 32
JOB = Job(
    "/in", NAME, 3, 1, "/out", plan.outputs(NAME, "_nobg"), frozenset(), frozenset(), "k",
    Recipe("u2netp", "0", "fp32"), attempt=2, spare=plan.spare(NAME, "_nobg"),
)  # fmt: skip
DONE = Done(
    "/in", NAME, f"/out/{JOB.outputs[0]}", SHA, JOB.recipe.key, 1, 2, 3, 4,
    Timing(1, 2, 3.5), 5.5, "u2netp", "fp32", "ncnn", 0.98, 2, 4, ("cmyk_profile_assumed",),
    "computed", ("a chunk is damaged",), "damaged",
)  # fmt: skip
ADAPTIVE = replace(JOB, recipe=Recipe("u2netp", "0", "adaptive"))
FAILED = Failed("/in", NAME, Code.BROKEN, "caf\udce9: why", 2, "output")


def said(outcome: Done | Failed) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(wire.pack(outcome, "/out"))
    return found


def heard(message: Any, job: Job = JOB) -> Done | Failed:
    found = reply.read(json.dumps(message).encode())
    assert isinstance(found, reply.Cut | reply.Lost)
    return outcome.of_job(found, job)


@pytest.mark.parametrize(
    ("again", "threads", "precision"),
    [(False, 2, "int8"), (True, 2, "fp32"), (False, 0, "adaptive")],
)
def test_an_adaptive_models_output_says_which_arithmetic_made_it(
    again: bool, threads: int, precision: str
) -> None:
    """By what the supervisor was asked for, not by the lane's word; none where none was asked."""
    done = replace(DONE, recipe=ADAPTIVE.recipe.key, threads=threads)
    found = reply.read(wire.pack(done, "/out"))
    assert isinstance(found, reply.Cut)
    made = outcome.of_job(found, ADAPTIVE, again=again)
    assert isinstance(made, Done)
    assert made.precision == precision


@pytest.mark.parametrize("stage", ["infer", "decode"])
@pytest.mark.parametrize("precision", ["fp32", "adaptive"])
def test_only_an_adaptive_model_has_a_closer_mask(precision: str, stage: str) -> None:
    """And it is asked for where a mask may be."""
    job = replace(JOB, recipe=replace(JOB.recipe, precision=precision))
    assert may_ask(job, stage, "first") == (stage == "infer")
    assert may_ask(job, stage, "closer") == (stage == "infer" and precision == "adaptive")


@pytest.mark.parametrize("outcome", [DONE, FAILED])
def test_an_outcome_survives_the_wire(outcome: Done | Failed) -> None:
    """JSON up, names that are no UTF-8 included."""
    assert heard(said(outcome)) == outcome


def test_an_outcome_carries_no_identity() -> None:
    """Whose it is comes from the job: the words do not hold it, and may not."""
    for one in (DONE, FAILED):
        ((kind, body),) = said(one).items()
        for name in ("inbox", "relpath", "attempt", "model", "precision"):
            assert name not in body
            with pytest.raises(reply.Broken):
                heard({kind: body | {name: "/in"}})


def test_a_recipe_is_the_jobs_or_one_that_counts() -> None:
    """An output that an older nobgd made keeps its own; no other is booked."""
    older = {"done": said(DONE)["done"] | {"recipe": "u2netp:fp32:0:r0"}}
    with pytest.raises(reply.Broken):
        heard(older)
    found = heard(older, replace(JOB, counts=frozenset({"u2netp:fp32:0:r0"})))
    assert isinstance(found, Done)
    assert found.recipe == "u2netp:fp32:0:r0"


@pytest.mark.parametrize("output", [
    "", ".", "..", "a_nobg.png", "trip/victim_nobg.png", "../out/trip/x.png", "/etc/passwd",
    "trip/../trip/x_nobg.png", "trip/\0", "trip//x_nobg.png", JOB.outputs[0] + "/", 7, None,
    ["trip"], "x" * 5000,
])  # fmt: skip
def test_an_output_that_is_none_of_the_jobs_is_refused(output: Any) -> None:
    """No path that a lane makes up is booked."""
    body = said(DONE)["done"] | {"output": output}
    with pytest.raises(reply.Broken):
        heard({"done": body})


def test_every_name_that_the_job_may_take_is_heard() -> None:
    """Its own, the planned ones, those by its hash, in each spelling of file and folder."""
    job = replace(JOB, own="trip/once_nobg.png")
    names = [*job.outputs, "trip/once_nobg.png"]
    names += [name for name, _ in zip(job.spares(SHA), range(3), strict=False)]
    names += [
        f"trip/{other}"
        for name in list(names)
        for other in spelling.variants(name.rpartition("/")[2], job.spare[1])
    ]
    for name in names:
        found = heard({"done": said(DONE)["done"] | {"output": name}}, job)
        assert isinstance(found, Done)
        assert found.output == f"/out/{name}"
    with pytest.raises(reply.Broken):  # the spare name of other bytes
        heard({"done": said(DONE)["done"] | {"output": next(job.spares("cd" * 32))}}, job)


@pytest.mark.parametrize(("field", "lie"), [
    ("width", "x"), ("width", -1), ("width", 1.5), ("width", True), ("height", 1 << 33),
    ("sha256", "AB" * 32), ("sha256", SHA + "\n"), ("bytes_in", -1), ("bytes_out", 1 << 60),
    ("subject_confidence", float("nan")), ("subject_confidence", 1.5), ("threads", 1 << 20),
    ("peak_rss_mb", float("inf")), ("peak_rss_mb", "much"), ("engine", "cuda; rm"),
    ("how", "magic"), ("keep", "because"), ("keep", []), ("notes", "text"), ("notes", [1]),
    ("notes", ["x"] * 33), ("complaints", ["x" * 501]), ("timing", None), ("timing", {}),
    ("timing", {"read_ms": 1}),
])  # fmt: skip
def test_a_lie_in_one_field_is_refused(field: str, lie: Any) -> None:
    """Type, range, length; a number that is none would not be JSON in the log."""
    with pytest.raises(reply.Broken):
        heard({"done": said(DONE)["done"] | {field: lie}})


@pytest.mark.parametrize("field", said(DONE)["done"])
def test_a_field_that_is_missing_is_refused(field: str) -> None:
    """All of them are always there."""
    body = said(DONE)["done"]
    del body[field]
    with pytest.raises(reply.Broken):
        heard({"done": body})


@pytest.mark.parametrize("code", ["", "nonsense", None, 3, [], "in_use", "damaged"])
def test_a_code_that_no_job_ends_with_is_refused(code: Any) -> None:
    """Nor one that says why an original stays."""
    with pytest.raises(reply.Broken):
        heard({"failed": said(FAILED)["failed"] | {"code": code}})


@pytest.mark.parametrize("data", [
    b"", b"\xff", b"[]", b"{}", b"null", b"[" * 200_000, b'{"a":' * 100_000, b'{"done": {}}',
    b'{"done": []}', b'{"failed": null}', b'{"ask": NaN}', b'{"ask": 1e999}', b'{"ask": "much"}',
    b'{"ask": -1}', b'{"ask": 0}', b'{"ask": true}', b'{"stage": "lunch"}', b'{"stage": []}',
    b'{"errand": 1.5}', b'{"errand": true}', b'{"errand": -2}', b'{"errand": %s}' % (b"9" * 100),
    b'{"errand": %s}' % (b"9" * 5000), b'{"refused": ["broken", "why"]}', b'{"reopen": true}',
    b'{"reopen": []}', b'{"reopen": [-1]}', b'{"reopen": [0, 1, 2, 3, 4, 5, 6, 7, 8]}',
    b'{"refused": {"code": "broken", "reason": 1}}', b'{"ready": "all"}',
    b'{"stage": "open", "ask": 1}', b'{"__class__": "x"}',
])  # fmt: skip
def test_what_no_lane_says_is_refused(data: bytes) -> None:
    """Whatever it is, it is one exception of ours."""
    with pytest.raises(reply.Broken):
        reply.read(data)


def test_what_lanes_say_is_heard() -> None:
    """Each kind of message."""
    assert reply.read(wire.encode({"errand": 2**256 - 1})) == reply.Number(errand=2**256 - 1)
    refused = reply.read(wire.refused(Code.IN_USE, "why\udce9" * 9000))
    assert isinstance(refused, reply.Refused)
    assert refused.reason.startswith("why\udce9")
    assert reply.read(wire.encode({"ask": 12})) == reply.Ask(ask=12.0)
    ready = reply.read(wire.encode({"ready": ["landlock:7"]}))
    assert isinstance(ready, reply.Ready)
    assert ready.ready == ("landlock:7",)


@pytest.mark.parametrize(("errand", "good", "bad"), [
    (SetAside("/in", "a", "/q", "why"), [0, 2 * STATES + LARGE], [-1, 5, 7, 2 * STATES + 6, 2**60]),
    (Prepare("/out"), [7 << 32 | 1], [-1, 1 << 96]),
    (Digest("/in", "a", 1, 1), [0, 2**256 - 1], [-1]),
    (Dispose("/in", "a", 1, 1, SHA, "/out/a", "r", "k", "", 0, 0, "/out"), [0, 500], [-1, 2**60]),
    (Peek("/in", "a"), [-1, 0], [99]),
    (PutBack("/in", ""), [-1, 3], [2**60]),
    (Unlink("/in", "_RETRY"), [0], [2**60]),
])  # fmt: skip
def test_an_errand_comes_to_what_it_can_come_to(
    errand: Errand, good: list[int], bad: list[int]
) -> None:
    """A number by itself may be anything: what it means is checked against what was asked."""
    for number in good:
        found = outcome.of_errand(reply.Number(errand=number), errand)
        assert isinstance(found, Mount) if isinstance(errand, Prepare) else found == number
    for number in bad:
        with pytest.raises(reply.Broken):
            outcome.of_errand(reply.Number(errand=number), errand)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(sorted(said(DONE)["done"])) | st.text(max_size=5), inner)
    ),
    max_leaves=20,
)


@given(st.sampled_from(["done", "failed", "errand", "refused", "ask", "stage", "ready"]), _json)
def test_whatever_is_said_is_read_or_refused(kind: str, body: Any) -> None:
    """No other exception comes out of it."""
    try:
        found = reply.read(json.dumps({kind: body}).encode())
    except reply.Broken:
        return
    if isinstance(found, reply.Cut | reply.Lost):
        with contextlib.suppress(reply.Broken):
            assert outcome.of_job(found, JOB).relpath == NAME


def test_what_lanes_may_say_is_what_they_say() -> None:
    """A field or stage that is added to the one is added to the other, or each photo would fail."""
    known = {"inbox", "relpath", "attempt", "model", "precision"}
    assert {each.name for each in fields(Done)} - known == set(reply.Cut.model_fields)
    assert {each.name for each in fields(Failed)} - known == set(reply.Lost.model_fields)
    assert {each.name for each in fields(Timing)} == set(said(DONE)["done"]["timing"])
    source = Path(worker.__file__).read_text() + Path(process.__file__).read_text()
    told = set(re.findall(r'stage\("(\w+)"\)', source)) | {"open"}
    for stage in told:
        word = {"stage": stage}
        assert reply.read(wire.encode(word)) == reply.Stage.model_validate(word)
    assert told == set(get_args(reply.Stage.model_fields["stage"].annotation))
