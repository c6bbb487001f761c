"""What is known of the processor."""

from __future__ import annotations

import pytest

from nobgd.inference import machine


@pytest.mark.parametrize(
    ("vendor", "flags", "wide"),
    [
        ("GenuineIntel", "fpu avx2 avx512f amx_tile", True),
        ("GenuineIntel", "fpu avx2", False),
        ("AuthenticAMD", "fpu avx2 avx512f", False),
    ],
)
def test_wide_multiplications_are_intels_with_avx512(
    monkeypatch: pytest.MonkeyPatch, vendor: str, flags: str, wide: bool
) -> None:
    """AMD's of the same name take two halves."""
    lines = {f"vendor_id\t: {vendor}\n", f"flags\t\t: {flags}\n"}
    monkeypatch.setattr(machine, "_cpuinfo", lambda _names: lines)
    assert machine.is_intel_with_avx512() is wide


def test_an_unknown_processor_is_none_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ARM's cpuinfo has neither line."""
    monkeypatch.setattr(machine, "_cpuinfo", lambda _names: set())
    assert not machine.is_intel_with_avx512()
    assert len(machine.cpu_identity()) == 12
