"""What is said of a photo, its name once."""

from __future__ import annotations

import pytest

from nobgd.fs import names


@pytest.mark.parametrize(
    ("path", "said", "told"),
    [
        ("/in/a.jpg", "a.jpg: it is empty", "/in/a.jpg: it is empty"),
        ("/in/sub/a.jpg", "sub/a.jpg: it is empty", "/in/sub/a.jpg: it is empty"),
        ("/in/sub/a.jpg", "/in/sub/a.jpg: it is empty", "/in/sub/a.jpg: it is empty"),
        ("/in/a.jpg", "it is empty", "/in/a.jpg: it is empty"),
        ("/in/a.jpg", "b.jpg: has taken its name", "/in/a.jpg: b.jpg: has taken its name"),
        ("/in/aa.jpg", "a.jpg: is another", "/in/aa.jpg: a.jpg: is another"),
        ("/in/a: b.jpg", "a: b.jpg: it is empty", "/in/a: b.jpg: it is empty"),
        ("/in/\x1b.jpg", "\x1b.jpg: it is empty", "/in/\\x1b.jpg: it is empty"),
        ("a.jpg", "", "a.jpg: "),
        ("", "it is empty", ": it is empty"),
        ("/in/", ": it is empty", "/in/: : it is empty"),
    ],
)
def test_a_name_is_said_once(path: str, said: str, told: str) -> None:
    """Whole or from any of its folders on; another name is left alone."""
    assert names.about(path, said) == told
