"""What pydantic found wrong, said in this project's words and shown where it stands in the file."""

import difflib
import re
import types
from collections.abc import Iterable
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from monitor.config.positions import Document, Flaw, Loc, found
from monitor.config.schema import Root

_EXPECTED = {
    "string_type": "expected text",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_parsing_size": "expected a smaller whole number",
    "int_from_float": "expected a whole number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "tuple_type": "expected a list, such as [a, b]",
    "dict_type": "expected a mapping, 'key: value'",
    "model_type": "expected a mapping, 'key: value'",
}


def dotted(loc: Loc) -> str:
    """``loc`` as people write it: ``pools.linux.members[0].cluster``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` when something known is near, else the known ones."""
    names = sorted(known)
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{folded[near[0]]}'?"
    return f"; expected {one_of(names)}" if names else ""


def one_of(words: list[str]) -> str:
    """``a``, ``a or b``, ``one of a, b, c``."""
    if len(words) < 3:
        return " or ".join(words)
    return f"one of {', '.join(words)}"


def flaw_of(error: ErrorDetails, document: Document) -> Flaw | None:
    """The flaw that one of pydantic's errors tells of; None when it only echoes another one."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    loc: Loc = tuple(part for part in error["loc"] if part != "[key]")
    if kind == "too_short" and given:
        return None
    if kind == "missing":
        field = _fields(loc[:-1]).get(str(loc[-1]), "")
        return Flaw(document.place(loc, key=True), loc, f"is missing; expected {field}".rstrip())
    if kind == "extra_forbidden":
        hint = did_you_mean(str(loc[-1]), _fields(loc[:-1]))
        return Flaw(document.place(loc, key=True), loc, f"unknown key{hint}")
    return Flaw(document.place(loc, key=len(loc) < len(error["loc"])), loc, _sentence(kind, given, context))


def _sentence(kind: str, given: Any, context: dict[str, Any]) -> str:
    if kind == "value_error":
        return str(context["error"])
    if kind in {"enum", "literal_error"}:
        words = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
        hint = did_you_mean(given, words) if isinstance(given, str) else ""
        return f"expected {one_of(words)}, found {found(given)}" + (hint if "mean" in hint else "")
    if kind == "too_short":
        return "expected at least one, found none"
    bounds = {"greater_than": "more than", "greater_than_equal": "at least", "less_than_equal": "at most"}
    if kind in bounds:
        (limit,) = (context[name] for name in ("gt", "ge", "le") if name in context)
        return f"expected {bounds[kind]} {limit}, found {found(given)}"
    return f"{_EXPECTED.get(kind, 'cannot be used here')}, found {found(given)}"


def _fields(loc: Loc) -> dict[str, str]:
    """The keys of the section at ``loc``, each with its description."""
    kind: Any = Root
    for part in loc:
        kind = _step(kind, part)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return {}
    return {name: _first_sentence(field.description or "") for name, field in kind.model_fields.items()}


def _step(kind: Any, part: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return _bare(field.annotation) if field else None
    inner = get_args(kind)
    if get_origin(kind) is dict:
        return _bare(inner[1])
    if get_origin(kind) is tuple:
        return _bare(inner[0])
    return None


def _bare(annotation: Any) -> Any:
    if get_origin(annotation) in {Union, types.UnionType}:
        return next(choice for choice in get_args(annotation) if choice is not type(None))
    return annotation


def _first_sentence(text: str) -> str:
    sentence = re.split(r"[.;] ", text, maxsplit=1)[0].rstrip(". :")
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence
