"""What comes over the wire is read by length, type and range, or not at all."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.cluster import frames
from nobgd.cluster.frames import Broken
from nobgd.cluster.words import Answer, Cast, Hello, Order, Question, Wanted

RUN, RECIPE = "0123456789abcdef", "0a1b2c3d"
ANSWER = Answer(id=7, recipe=RECIPE, confidence=0.5, engine="ncnn", ran=2, took_ms=12.5)


@pytest.mark.parametrize(
    "words",
    [
        ANSWER,
        Question(id=(1 << 53) - 1, home=RUN, recipe=RECIPE, side=320),
        Hello(protocol=1, run=RUN, seats=2, priority=9, ready=[RECIPE], lacks={RECIPE: "why"}),
        Cast(
            home=RUN, admitted=[RECIPE],
            wanted=[Wanted(recipe=RECIPE, model="u2net", precision="fp32", sha256="a" * 64)],
        ),
        Order(drain=True),
    ],
)  # fmt: skip
def test_what_is_said_is_heard(words: Answer) -> None:
    """With its bytes."""
    body = os.urandom(1000)
    data = frames.pack(words, body)
    assert frames.unpack(type(words), data, 1000) == (words, body)
    assert frames.is_kind(type(words), data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"{}\n", b"[]\n", b"null\n", b'{"answer": 1}\n', b'{"answer": {}}\n',
        b'{"answer"' + b"\n", b"[" * 10_000 + b"\n", b"\xff\xfe\n", b'{"answer": ' * 3000 + b"\n",
        b"no line at all", b" " * 20_000 + frames.pack(ANSWER),
    ],
)  # fmt: skip
def test_garbage_is_refused(data: bytes) -> None:
    """As `Broken` and nothing else."""
    with pytest.raises(Broken):
        frames.unpack(Answer, data, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"id": -1}, {"id": 1 << 53}, {"id": "7"}, {"id": True}, {"id": 7.0},
        {"recipe": "0a1b2c3"}, {"recipe": "0a1b2c3d\n"}, {"recipe": None},
        {"confidence": float("nan")}, {"confidence": float("inf")}, {"confidence": 1.5},
        {"took_ms": -1}, {"took_ms": float("inf")}, {"engine": "a b"}, {"engine": "e" * 41},
        {"failed": "f" * 401}, {"failed": 1}, {"began": 1}, {"ran": 1 << 20}, {"delivery": -1},
    ],
)  # fmt: skip
def test_a_field_out_of_range_is_refused(change: dict[str, object]) -> None:
    """Each by itself, in an answer that is good otherwise."""
    values = {**ANSWER.model_dump(), **change}
    with pytest.raises(Broken):
        frames.unpack(Answer, json.dumps({"answer": values}).encode() + b"\n")


def test_a_body_that_is_too_long_is_refused() -> None:
    """By one byte."""
    frames.unpack(Answer, frames.pack(ANSWER, b"12"), 2)
    with pytest.raises(Broken):
        frames.unpack(Answer, frames.pack(ANSWER, b"123"), 2)


@given(st.binary(max_size=300), st.integers(0, 300), st.binary(max_size=8))
def test_whatever_is_damaged(noise: bytes, at: int, patch: bytes) -> None:
    """An answer with any bytes in it is an answer or `Broken`."""
    good = frames.pack(ANSWER, noise)
    for data in (noise, good[:at] + patch + good[at + len(patch) :]):
        try:
            answer, body = frames.unpack(Answer, data, 300)
        except Broken:
            continue
        assert isinstance(answer, Answer)
        assert 0 <= answer.confidence <= 1
        assert len(body) <= 300
