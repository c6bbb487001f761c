"""What the processes of the daemon are told by their environment."""

from __future__ import annotations

import pytest

from nobgd.pool import environment


def test_nobody_else_speaks_to_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """And BLAS has no threads of its own."""
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    made = environment.environment()
    assert "NOTIFY_SOCKET" not in made
    assert made["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("said", "made"),
    [
        (None, "glibc.malloc.hugetlb=1"),
        ("glibc.malloc.arena_max=2", "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"),
        ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0"),
    ],
)
def test_the_model_asks_for_huge_pages_unless_the_user_has_said_otherwise(
    monkeypatch: pytest.MonkeyPatch, said: str | None, made: str
) -> None:
    """Whatever else the user has tuned stays; lanes and the link have what the user has."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if said is not None:
        monkeypatch.setenv("GLIBC_TUNABLES", said)
    assert environment.of_model()["GLIBC_TUNABLES"] == made
    assert environment.environment().get("GLIBC_TUNABLES") == said
