"""The model's values as JSON and back.

A field that a newer version added is skipped on reading, and a field that an older version did not write takes its
default, so that versions may be mixed during a roll-out.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from monitor.model.errors import Permanent

T = TypeVar("T")

_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}


def encode(value: Any) -> str:
    """``value``, one of the model's dataclasses, as JSON.

    Raises:
        Permanent: when it could not be read back (a time that is infinite, a value of the wrong type); nothing that is
            unreadable is ever stored.
    """
    kind = type(value)
    try:
        data = msgspec.json.encode(value, enc_hook=_plain)
        _decoder(kind).decode(data)
    except (TypeError, ValueError) as error:
        raise Permanent(f"a {kind.__name__} can't be stored: {error}") from error
    return data.decode()


def decode(kind: type[T], text: str) -> T:
    """The value of ``kind`` that ``encode`` made ``text`` of.

    Raises:
        Permanent: when it can't be understood.
    """
    try:
        value: T = _decoder(kind).decode(text)
    except ValueError as error:
        raise Permanent(
            f"the store holds a {kind.__name__} that can't be read ({error}); it may come from a newer version"
        ) from error
    return value


def _decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    if kind not in _DECODERS:
        _DECODERS[kind] = msgspec.json.Decoder(kind)
    return _DECODERS[kind]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")
