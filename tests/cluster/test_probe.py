"""The admission test tells other arithmetic from another order of it."""

from __future__ import annotations

import numpy as np

from nobgd.cluster import probe


def test_the_picture_has_a_subject() -> None:
    """A red ball before something grey, in each size."""
    for side in (16, 320):
        picture = np.frombuffer(probe.picture(side), np.uint8).reshape(side, side, 3).astype(int)
        middle = picture[side // 2, side * 9 // 20]
        assert middle[0] > 2 * middle[1]
        assert np.ptp(picture[1, 1]) < 15


def test_near_enough_is_let_in_and_no_more() -> None:
    """A mask that is one off everywhere, three off somewhere; not four, not two everywhere."""
    ours = bytes(range(200)) * 10
    assert probe.differs(ours, ours) is None
    assert probe.differs(bytes(each + 1 for each in ours), ours) is None
    assert probe.differs(ours[:-1] + bytes([ours[-1] - 3]), ours) is None
    assert "4 at most" in str(probe.differs(ours[:-1] + bytes([ours[-1] - 4]), ours))
    assert "2.0 of 255 in the mean" in str(probe.differs(bytes(n + 2 for n in ours), ours))
    assert "another size" in str(probe.differs(ours[:-1], ours))
    assert "another size" in str(probe.differs(b"", b""))
