"""YAML read so that every value keeps its place in the file and stays what was written.

PyYAML's own constructor turns ``on`` into True, ``12:30:45`` into 45045, and lets the second of two equal keys win.
Here a plain scalar is text (or nothing); the schema alone decides what it means. The tree is built from the parser's
events because libyaml's composer recurses in C: deep nesting would end the process instead of raising.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from monitor.config.durations import shortened

Loc = tuple[str | int, ...]
"""Where a value is: keys and list indices from the root."""

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_DEEPEST = 20
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """A place in the file; both count from 1."""

    line: int
    column: int


class Flaw(NamedTuple):
    """Something wrong at a place, before it is printed with the file's name."""

    place: Place
    loc: Loc
    message: str


@dataclass(slots=True)
class Document:
    """A YAML file as plain values: mappings, lists, text and None.

    Attributes:
        keys: place of the key that a value has (a list item's own place).
        values: place where the value itself begins.
        flaws: what YAML lets pass and we do not.
    """

    value: Any = None
    keys: dict[Loc, Place] = field(default_factory=dict)
    values: dict[Loc, Place] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)

    def place(self, loc: Loc, *, key: bool = False) -> Place:
        """The best place to point at for ``loc``: its value if that is on the key's line, else its key.

        A ``loc`` that is not in the file (a missing key) is shown at the nearest parent that is.
        """
        known = loc
        while known and known not in self.keys:
            known = known[:-1]
        at_key = self.keys.get(known, Place(1, 1))
        at_value = self.values.get(known, at_key)
        if key or known != loc or at_value.line != at_key.line:
            return at_key
        return at_value


def read(text: str) -> Document:
    """Read one YAML document. It never raises: what is wrong is among the document's flaws."""
    document = Document()
    try:
        _Reader(document, iter(yaml.parse(text, Loader=_LOADER))).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark else Place(1, 1)
        what = ", ".join(part for part in (error.context, error.problem) if part)
        document.flaws.append(Flaw(place, (), f"not valid YAML: {what}"))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
        document.flaws.append(Flaw(place, (), f"not valid YAML: {error.reason}"))
    except _TooDeepError as error:
        document.flaws.append(Flaw(error.place, (), f"nested more than {_DEEPEST} levels deep"))
    return document


class _TooDeepError(Exception):
    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


@dataclass(slots=True)
class _Reader:
    """Turns the parser's events into values, and notes where each one is."""

    out: Document
    events: Iterator[yaml.Event]

    def document(self) -> None:
        """Read the first document; a second one is a flaw."""
        for event in self.events:
            if isinstance(event, yaml.NodeEvent):
                self.out.value = self._value(event, ())
            elif isinstance(event, yaml.DocumentStartEvent) and () in self.out.values:
                self._flaw(event, (), "a second YAML document; expected one")
                return

    def _value(self, event: yaml.Event, loc: Loc) -> Any:
        place = _place(event.start_mark)
        if len(loc) > _DEEPEST:
            raise _TooDeepError(place)
        self.out.values[loc] = place
        self.out.keys.setdefault(loc, place)
        if isinstance(event, yaml.AliasEvent):
            self._flaw(event, loc, "anchors and aliases are not supported; what pools share goes under 'defaults'")
            return None
        if getattr(event, "anchor", None):
            self._flaw(event, loc, "anchors and aliases are not supported; what pools share goes under 'defaults'")
        if getattr(event, "tag", None) not in {None, "!", "tag:yaml.org,2002:str"}:
            self._flaw(event, loc, "tags are not supported; write the value alone")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(loc)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(loc)
        return _scalar(event)

    def _mapping(self, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, loc)
            if key is None:
                self._skip(next(self.events))
            elif key in found:
                first = self.out.keys[(*loc, key)].line
                self._flaw(event, (*loc, key), f"is written twice; the first one is on line {first}")
                self._skip(next(self.events))
            else:
                self.out.keys[(*loc, key)] = _place(event.start_mark)
                found[key] = self._value(next(self.events), (*loc, key))
        return found

    def _key(self, event: yaml.Event, loc: Loc) -> str | None:
        if not isinstance(event, yaml.ScalarEvent):
            self._flaw(event, loc, "a key must be plain text")
            self._skip(event)
            return None
        if event.value == "<<":
            self._flaw(event, loc, "merge keys (<<) are not supported; what pools share goes under 'defaults'")
            return None
        return str(event.value)

    def _list(self, loc: Loc) -> list[Any]:
        found: list[Any] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self._value(event, (*loc, len(found))))
        return found

    def _skip(self, event: yaml.Event) -> None:
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth == 0:
                return
            event = next(self.events)

    def _flaw(self, event: yaml.Event, loc: Loc, message: str) -> None:
        self.out.flaws.append(Flaw(_place(event.start_mark), loc, message))


def _scalar(event: Any) -> str | None:
    text = str(event.value)
    plain = event.implicit[0]
    return None if plain and text in _NOTHING else text


def found(value: Any) -> str:
    """What stands there, for a message that says what was expected."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return shortened(str(value))
