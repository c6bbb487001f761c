"""Which names in an inbox are not photos, by rule; pure, and able to say which rule.

First come the outputs' own names, then the built-in rules (`leftovers`), then the user's lines,
which are those of a .gitignore (`config.globs`).  A user's line with ``!`` brings back what a
built-in rule leaves out, but nothing of nobgd's own.  A folder that is ignored is pruned:
nothing below it is looked at, so a line for what lies in it has no effect, as in git.
"""

from __future__ import annotations

from collections.abc import Sequence

from nobgd.config.globs import Globs, literal
from nobgd.intake import leftovers


class Ignore:
    """The rules of one inbox: its outputs' names, the built-in ones, and the user's lines."""

    def __init__(
        self, globs: Sequence[str] = (), *, suffix: str = "_nobg", tail: str = ".png"
    ) -> None:
        """Compile the rules; what ends with `suffix` (`output.suffix`) is never a photo.

        Neither as a PNG, which outputs are unless something else is asked for, nor with `tail`.

        Raises ValueError for a line that can match nothing.
        """
        self._outputs = tuple(dict.fromkeys((f"{suffix}.png", suffix + tail))) if suffix else ()
        self._user = Globs(globs)
        self._only_built_in = not self._user

    def rule(self, relpath: str, is_dir: bool = False) -> str | None:
        """Return the rule by which this file or folder, or one above it, is ignored."""
        at = relpath.find("/")
        while at != -1:
            if (rule := self.own_rule(relpath[:at], True)) is not None:
                return rule
            at = relpath.find("/", at + 1)
        return self.own_rule(relpath, is_dir)

    def own_rule(self, relpath: str, is_dir: bool = False) -> str | None:
        """Return the rule that ignores this entry itself; the folders above are not asked."""
        name = relpath.rpartition("/")[2]
        left = leftovers.FOLDERS if is_dir else leftovers.ANYTHING
        plain = not left.match(name.lower())
        if self._outputs and name.endswith(self._outputs):
            return next(f"*{tail}" for tail in self._outputs if name.endswith(tail))
        if plain and self._only_built_in:
            return None  # nearly every name
        built_in = None if plain else leftovers.rule(name, is_dir=is_dir)
        if not self._user or (built_in is not None and not self._may_take(built_in)):
            return built_in
        said = self._user.verdict(relpath, is_dir=is_dir)
        if said is None:
            return built_in
        line, ignored = said
        return (built_in or line) if ignored else None

    def _may_take(self, rule: str) -> bool:
        kind = leftovers.kind_of(rule)
        return self._user.takes and kind is not None and not kind.ours

    def surprise(self, relpath: str, rule: str) -> str | None:
        """What to tell of a folder that a person may have meant for photos; None of others."""
        kind = leftovers.kind_of(rule)
        if kind is None or not kind.doubtful:
            return None
        name = relpath.rpartition("/")[2]
        return (
            f"the folder {relpath} is not looked into: {kind.why} (rule {rule}); if it holds"
            f" photos of yours, rename it, or write '!{literal(name)}/' into ignore:"
        )

    def explained(self, relpath: str, rule: str, *, is_dir: bool) -> str:
        """Why this entry is ignored by ``rule``, and how to have it taken, for `why`."""
        kind = leftovers.kind_of(rule)
        if rule.removeprefix("*") in self._outputs:
            return f"matches the rule {rule}, the name of results"
        if kind is None:
            return f"matches the rule {rule} of ignore:; take that line out to have it done"
        said = f"matches the rule {rule} ({kind.what}: {kind.why})"
        if kind.ours:
            return said
        name = literal(relpath.rpartition("/")[2]) + ("/" if is_dir else "")
        return f"{said}; '!{name}' in ignore: takes it"
