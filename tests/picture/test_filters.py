"""PNG's filters, against the definitions, one byte at a time."""

import numpy as np
import pytest

from nobgd.picture import filters

RANDOM = np.random.default_rng(5)


def predicted(kind: int, a: int, b: int, c: int) -> int:
    if kind < 4:
        return (0, a, b, (a + b) // 2)[kind]
    p = a + b - c
    return min((a, b, c), key=lambda near: abs(p - near))  # the first of equals: a, b, c


def unfiltered(out: np.ndarray, above: np.ndarray) -> np.ndarray:
    rows = np.zeros((len(out), out.shape[1] - 1), np.uint8)
    for y, (kind, *line) in enumerate(out.tolist()):
        for x, value in enumerate(line):
            a = int(rows[y, x - 4]) if x >= 4 else 0
            c = int(above[y, x - 4]) if x >= 4 else 0
            rows[y, x] = (value + predicted(kind, a, int(above[y, x]), c)) % 256
    return rows


@pytest.mark.parametrize("name", ["sub", "up", "average", "paeth", "adaptive"])
@pytest.mark.parametrize("span", [256, 4])
def test_a_filter_can_be_undone(name: str, span: int) -> None:
    """The specification's reconstruction gives the rows back."""
    picture = RANDOM.integers(0, span, (13, 44), np.uint8)
    rows, above = picture[1:], picture[:-1]
    out = np.empty((12, 45), np.uint8)
    getattr(filters, name)(rows, above, out)
    np.testing.assert_array_equal(unfiltered(out, above), rows)


def test_adaptive_takes_for_each_row_what_fits_it() -> None:
    """A row equal to the one above is all zeros, by filter 2."""
    picture = RANDOM.integers(0, 256, (4, 400), np.uint8)
    picture[2] = picture[1]
    out = np.empty((3, 401), np.uint8)
    filters.adaptive(picture[1:], picture[:-1], out)
    assert out[1, 0] == 2
    assert not out[1, 1:].any()
