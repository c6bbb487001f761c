"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, and the state of it or what to do."""

    good: bool
    what: str
    says: str

    def __str__(self) -> str:
        return f"{'ok ' if self.good else 'FIX'}  {self.what}: {self.says}"
