"""Read a configuration file and say everything that is wrong with it at once."""

import copy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.config.fleet import settings_of
from monitor.config.positions import Document, Flaw, Loc, Place, read
from monitor.config.problems import dotted, flaw_of
from monitor.config.rules import broken
from monitor.config.schema import Root
from monitor.model.errors import ConfigError, ConfigProblem
from monitor.model.settings import Settings

_ROUNDS = 10


def load(path: str | Path) -> Settings:
    """The configuration in the file at ``path``. Files that it names (tokens, keys, kubeconfigs) are not opened.

    Raises:
        ConfigError: with every problem found, when the file can't be read or used.
    """
    source = str(path)
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _error(source, [Flaw(Place(1, 1), (), f"can't be read: {error.strerror or error}")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _error(source, [Flaw(Place(line, 1), (), "not UTF-8 text")]) from None
    return parse(text, source)


def parse(text: str, source: str) -> Settings:
    """The configuration in ``text``; ``source`` is its path, for messages and as the base of relative paths.

    Raises:
        ConfigError: with every problem found, in the order of the file.
    """
    document = read(text)
    flaws = list(document.flaws)
    root: Root | None = None
    if document.value is None and not flaws:
        flaws.append(Flaw(Place(1, 1), (), "is empty; 'arc-monitor config example' prints one to start from"))
    elif isinstance(document.value, dict):
        root, more = _validate(document)
        flaws += more
    elif not flaws:
        flaws.append(Flaw(Place(1, 1), (), "expected a mapping with github, clusters and pools"))
    if flaws or root is None:
        raise _error(source, flaws)
    return settings_of(root, source)


def json_schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors and for checks before roll-out."""
    schema = Root.model_json_schema()
    for name, section in schema["properties"].items():
        if "$ref" in section:
            words = ["off", False, None] if name == "status_page" else [None]
            section["anyOf"] = [{"$ref": section.pop("$ref")}, {"enum": words}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "arc-monitor configuration"} | {
        key: value for key, value in schema.items() if key != "title"
    }


def _validate(document: Document) -> tuple[Root | None, list[Flaw]]:
    """The sections, and everything wrong with them.

    When some keys are wrong, the rules that span sections are tried on the rest, so that one run tells all. What a rule
    says of a part that something was taken out of is not told: it may only be an echo.
    """
    try:
        root = Root.model_validate(document.value)
    except ValidationError as error:
        flaws = [flaw for each in error.errors() if (flaw := flaw_of(each, document))]
        rest, taken = _usable(document.value, error)
        if rest:
            flaws += [flaw for flaw in broken(rest, document) if not any(_related(flaw.loc, loc) for loc in taken)]
        return None, flaws
    flaws = list(broken(root, document))
    return (None if flaws else root), flaws


def _usable(value: Any, error: ValidationError) -> tuple[Root | None, set[Loc]]:
    """What validates once the faulty parts are taken out, and where they were."""
    rest, taken = copy.deepcopy(value), set[Loc]()
    for _ in range(_ROUNDS):
        for each in error.errors():
            cut = _cut(each["loc"], missing=each["type"] == "missing")
            if not cut:
                return None, taken
            taken.add(cut)
            _remove(rest, cut)
        try:
            return Root.model_validate(rest), taken
        except ValidationError as again:
            error = again
    return None, taken


def _cut(loc: Loc, *, missing: bool) -> Loc:
    """What to take out for an error at ``loc``: the key, the section that lacks one, or the list of a faulty item."""
    cut = tuple(part for part in loc if part != "[key]")
    cut = cut[:-1] if missing else cut
    while cut and isinstance(cut[-1], int):
        cut = cut[:-1]
    return cut


def _remove(value: Any, loc: Loc) -> None:
    for part in loc[:-1]:
        match value:
            case dict() if part in value:
                value = value[part]
            case list() if isinstance(part, int) and part < len(value):
                value = value[part]
            case _:
                return
    if isinstance(value, dict):
        value.pop(loc[-1], None)


def _related(one: Loc, other: Loc) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _error(source: str, flaws: list[Flaw]) -> ConfigError:
    ordered = sorted(dict.fromkeys(flaws), key=lambda flaw: flaw.place)
    return ConfigError(
        tuple(
            ConfigProblem(source, flaw.place.line, flaw.place.column, dotted(flaw.loc), flaw.message)
            for flaw in ordered
        )
    )
