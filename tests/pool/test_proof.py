"""What is asked of a machine that says it has our folders, and what its answer is worth."""

from __future__ import annotations

import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nobgd.cluster.paths import Spot
from nobgd.pool import proof
from nobgd.values.errands import sample_of, sampled

DIGEST = hashlib.sha256(b"photo").digest()
TIME = 1_700_000_000_123_456_789
INBOX = proof.In(Spot("in", ""), ("a.jpg",))


def theirs(number: int | None) -> proof.Seen:
    return proof.Seen(outboxes=[], inboxes=[[number]])


@given(st.binary(max_size=30), st.integers(0, (1 << 56) - 1), st.integers(0, (1 << 72) - 1))
def test_a_sample_is_one_number(data: bytes, size: int, time: int) -> None:
    """That a lane may say, and from which its time can be told apart."""
    number = sampled(hashlib.sha256(data).digest(), size, time)
    assert 0 <= number < 1 << 256
    assert sample_of(number)[1] == time
    assert sample_of(number)[0] == sample_of(sampled(hashlib.sha256(data).digest(), size, 0))[0]


def test_the_grain_is_found() -> None:
    ours, there = sampled(DIGEST, 5, TIME), sampled(DIGEST, 5, TIME // 100 * 100)
    assert proof.judge([[ours]], [INBOX], theirs(there)) == {"in": 100}


@pytest.mark.parametrize(
    "there",
    [
        None,
        sampled(DIGEST, 6, TIME),
        sampled(hashlib.sha256(b"other").digest(), 5, TIME),
        sampled(DIGEST, 5, TIME + 10**12),
    ],
)
def test_another_folder_is_told_apart(there: int | None) -> None:
    """By a photo that is not there, its size, its bytes or its time; in a sentence."""
    said = proof.judge([[sampled(DIGEST, 5, TIME)]], [INBOX], theirs(there))
    assert isinstance(said, str)
    assert said.startswith("share in: ")


def test_an_answer_of_another_length_is_none() -> None:
    ours = [[sampled(DIGEST, 5, TIME)]]
    for seen in (proof.Seen(outboxes=[], inboxes=[]), proof.Seen(outboxes=[], inboxes=[[]])):
        assert isinstance(proof.judge(ours, [INBOX], seen), str)


def test_a_marker_is_known_by_its_text() -> None:
    one, other = proof.marker(), proof.marker()
    text = one.text.encode()
    assert one.looks_like(sampled(hashlib.sha256(text).digest(), len(text), TIME))
    assert not other.looks_like(sampled(hashlib.sha256(text).digest(), len(text), TIME))


def test_what_is_asked_arrives() -> None:
    name = os.fsdecode(b"\xff.jpg")
    out = proof.Out(Spot("out", "b"), proof.marker().name, proof.marker())
    inbox = proof.In(Spot("in", ""), (name, "b/c.jpg"))
    assert proof.asked(proof.ask([out], [inbox])) == ([out], [inbox])


@given(st.binary(max_size=100))
def test_garbage_is_neither_question_nor_answer(data: bytes) -> None:
    for read in (proof.asked, proof.seen):
        with pytest.raises(proof.Broken):
            read(data)


def test_a_file_is_written_under_a_temporary_name_only() -> None:
    """Whoever speaks for home cannot have a worker write what is somebody's."""
    bad = proof.Out(Spot("out", ""), proof.marker().name, proof.Marker("a.jpg", "0" * 32))
    with pytest.raises(proof.Broken):
        proof.asked(proof.ask([bad], []))
