"""Every failure that a person may read has a reason and a way out, for each code there is."""

from __future__ import annotations

import ast
import errno
import os
import re
from pathlib import Path

from nobgd.fs import faults
from nobgd.jobs import plan

SOURCE = Path(__file__).parents[1] / "daemon/nobgd"
WAY_OUT = re.compile(
    r"export|copy |copied|raise |lower |move it|mount it|mount its|remount|rename|call it|free some"
    r"|give nobgd|report it|nobgd doctor|nobgd retry|clear it out|make it|put the|tried again"
    r"|looked at again|goes on|waited for|is kept|found anew|put it back"
)


def _said(node: ast.expr) -> str:
    """The words of a string, formatted or not; what is filled in becomes {}."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_said(part) for part in parts)
        case ast.BinOp(left=left, right=right):
            return _said(left) + _said(right)
        case ast.IfExp(body=body, orelse=orelse):
            return f"{_said(body)} {_said(orelse)}"
        case _:
            return "{}"


def _refusals() -> list[tuple[str, str, str]]:
    """(place, code, words) of each `NobgdError` with words of its own."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "NobgdError"):
                continue
            code, reason = (*node.args, ast.Constant(""))[:2]
            if isinstance(code, ast.Attribute) and _said(reason).strip("{}"):
                place = f"{path.relative_to(SOURCE)}:{node.lineno}"
                found.append((place, code.attr, _said(reason)))
    return found


def test_every_refusal_has_a_way_out() -> None:
    """Wherever one is raised, in the words that stand there."""
    found = _refusals()
    assert len(found) > 25
    without = [f"{place} {code}: {said}" for place, code, said in found if not WAY_OUT.search(said)]
    assert not without, "\n".join(without)


def test_every_error_of_the_system_has_a_way_out() -> None:
    """For each errno that there is; the file is named by who asks."""
    for number, name in errno.errorcode.items():
        said = faults.failure(OSError(number, os.strerror(number)), "cannot read a.jpg").reason
        assert said.startswith("cannot read a.jpg: ")
        assert WAY_OUT.search(said.removeprefix("cannot read a.jpg: ")), (name, said)


def test_every_name_that_is_refused_is_told_what_to_do() -> None:
    """Of any extension, with and without a picture in it."""
    for name in ("a", "a.txt", "a.mpo", "a.psd", "a.svg"):
        for content in (None, "JPEG", "PNG", "WEBP", "TIFF"):
            said = plan.refusal(f"2024/{name}", content)
            assert said is not None
            assert said.startswith(f"{name} is ")
            assert WAY_OUT.search(said)
