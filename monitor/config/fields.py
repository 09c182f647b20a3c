"""The kinds of value that a configuration has: each checks one value and says what was expected."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from monitor.config.durations import PATTERN, TOKEN, parse_duration, shortened
from monitor.config.positions import found

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_REPOSITORY = re.compile(r"([A-Za-z0-9_.-]+/)?[A-Za-z0-9_.-]+")
_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})")


def _duration(value: Any) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    if not isinstance(value, str):
        raise ValueError(f"expected a duration such as 15s or 2m, found {found(value)}")  # noqa: TRY004 - pydantic's way
    return parse_duration(value)


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("expected a duration above zero")
    return seconds


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{shortened(text)} is no name; expected letters, digits, '.', '_' or '-', beginning with a letter or"
            " digit, 63 at most"
        )
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("expected some text, found none")
    if not text.isprintable():
        raise ValueError("expected one line of printable text")
    return text.strip()


def _no_token(text: str) -> str:
    if TOKEN.match(text):
        raise ValueError("this looks like a token itself; put it where only this process can read it, and name that")
    return text


def _at_home(text: str) -> str:
    try:
        Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"there is no home directory for {shortened(text.split('/', maxsplit=1)[0])}") from None
    return text


def _environment(text: str) -> str:
    if not _ENVIRONMENT.fullmatch(_no_token(text)):
        raise ValueError("expected the name of an environment variable")
    return text


def _repository(text: str) -> str:
    if not _REPOSITORY.fullmatch(text):
        raise ValueError(f"expected a repository's name, or owner/name, found {shortened(text)}")
    return text


def _listen(text: str) -> str:
    match = _LISTEN.fullmatch(text)
    if not match or int(match[2]) > 65535:
        raise ValueError(f"expected host:port such as 127.0.0.1:9630, found {shortened(text)}")
    return text


def _web_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/@]+(/[^\s]*)?", text):
        raise ValueError("expected a URL such as https://alertmanager.example:9093, without user and password in it")
    return text.rstrip("/")


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"expected a label's name (letters, digits and '_'), found {shortened(text)}")
    return text


_DURATION_SCHEMA = {"anyOf": [{"type": "string", "pattern": PATTERN}, {"type": "number", "minimum": 0}]}

Duration = Annotated[float, BeforeValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
Name = Annotated[str, AfterValidator(_name)]
Text = Annotated[str, AfterValidator(_text)]
PublicText = Annotated[Text, AfterValidator(_no_token)]
FilePath = Annotated[PublicText, AfterValidator(_at_home)]
EnvironmentName = Annotated[str, AfterValidator(_environment)]
RepositoryName = Annotated[str, AfterValidator(_repository)]
Listen = Annotated[str, AfterValidator(_listen)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
PageUrl = Annotated[str, AfterValidator(lambda text: text and _web_url(text))]
LabelName = Annotated[str, AfterValidator(_label)]
