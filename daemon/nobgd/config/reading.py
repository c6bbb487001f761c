"""YAML text → plain values, and where in the text each of them stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

Spot = tuple[str | int, ...]  # keys and indices from the top
_DEPTH = 20
_MOST = 20_000  # values: aliases of aliases would grow without end
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, where it stands; line and column count from 1."""

    file: str
    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.sentence}"


@dataclass(slots=True)
class Document:
    """What was read."""

    origin: str
    values: Any = None
    spots: dict[Spot, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Spot, tuple[int, int]] = field(default_factory=dict)
    words: dict[Spot, str] = field(default_factory=dict)  # scalars as they were written
    problems: list[Problem] = field(default_factory=list)

    def complain(self, spot: Spot, sentence: str, *, key: bool = False) -> None:
        """Note a problem at the nearest place in the text that there is."""
        table = {**self.spots, **self.keys} if key else self.spots
        while spot and spot not in table:
            spot = spot[:-1]
        line, column = table.get(spot, (1, 1))
        problem = Problem(self.origin, line, column, sentence)
        if problem not in self.problems:
            self.problems.append(problem)


def read(text: str, origin: str) -> Document:
    """Parse; problems of the YAML itself are in the document, not raised."""
    document = Document(origin)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        sentence = f"not valid YAML: {error.problem or error.context}"
        if "'\\t'" in sentence:
            sentence = "not valid YAML: a tab; write spaces instead"
        if error.context in ("while scanning an alias", "while scanning a tag"):
            sentence += "; put what begins with * or ! in quotes"
        document.problems.append(Problem(origin, line, column, sentence))
        return document
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        sentence = "not valid YAML: a control character; delete it, or write it in quotes as \\x…"
        document.problems.append(Problem(origin, line, column, sentence))
        return document
    except RecursionError:
        document.problems.append(Problem(origin, 1, 1, "nested too deeply"))
        return document
    if node is not None:
        document.values = _value(node, (), document)
    return document


def _value(node: yaml.Node, spot: Spot, document: Document) -> Any:
    document.spots[spot] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if len(spot) > _DEPTH or len(document.spots) > _MOST:
        document.complain((), "nested too deeply, or too long")
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, spot, document)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*spot, i), document) for i, each in enumerate(node.value)]
    return _scalar(node, spot, document)


def _mapping(node: yaml.MappingNode, spot: Spot, document: Document) -> dict[str, Any]:
    values: dict[str, Any] = {}
    merges = []
    for key_node, value_node in node.value:
        if key_node.tag == _MERGE:
            merges.append(value_node)
            continue
        key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
        here = (*spot, key)
        mark = key_node.start_mark
        if key in values:
            said = f"{key} is there twice, first in line {document.keys[here][0]}; keep one"
            problem = Problem(document.origin, mark.line + 1, mark.column + 1, said)
            document.problems.append(problem)
            continue
        document.keys[here] = (mark.line + 1, mark.column + 1)
        values[key] = _value(value_node, here, document)
    for merged in merges:  # `<<: *name`: what is not said here comes from there
        for one in merged.value if isinstance(merged, yaml.SequenceNode) else [merged]:
            if not isinstance(one, yaml.MappingNode):
                document.complain(spot, "<<: needs the name of a section, as in <<: *name")
                continue
            new = [pair for pair in one.value if getattr(pair[0], "value", "?") not in values]
            part = yaml.MappingNode(one.tag, new, one.start_mark, one.end_mark)
            if len(spot) <= _DEPTH:
                kept = document.spots[spot]
                values.update(_value(part, spot, document) or {})
                document.spots[spot] = kept
    return values


def _scalar(node: yaml.Node, spot: Spot, document: Document) -> Any:
    """YAML 1.1 reads an unquoted 22:00 as the number 1320; say so instead."""
    document.words[spot] = str(node.value)
    if not node.value and node.tag.startswith("!"):  # - !keep.tif
        document.complain(spot, f'YAML takes {node.tag} for a tag; write "{node.tag}"')
        return node.tag
    number = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
    if number and ":" in str(node.value):
        document.complain(spot, f'YAML takes {node.value} for a number; write "{node.value}"')
        return str(node.value)
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        document.complain(spot, f"{node.value!r} cannot be understood; put it in quotes")
        return None
    finally:
        loader.dispose()
