"""The commented configuration to start from, made from the schema: every key that exists is in it and explained."""

import re
import textwrap
from enum import Enum
from typing import Any

from pydantic.fields import FieldInfo

from monitor.config.durations import format_duration
from monitor.config.schema import (
    ClusterSection,
    GitHubSection,
    MemberSection,
    PolicySection,
    PoolSection,
    Root,
    Section,
)

_WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z0-9_./~][A-Za-z0-9_./~@ -]*(:[A-Za-z0-9_./~@-]+)*")
_NOT_TEXT = re.compile(r"~|null|true|false|yes|no|on|off|y|n|[-+.]?[0-9][0-9_.:eExXa-fA-F+-]*", re.IGNORECASE)

_HEADER = """\
# arc-monitor's configuration: where to look, and what may be done about it.
#
# Every key that exists is here. A line such as '#poll: 15s' is a key that may be left out, at the
# value it has then, or with an example where there is none. Remove the # to write it.
# Durations: 250ms, 15s, 2m, 1h, 1h30m, or a number of seconds. Relative paths are relative to this
# file; ~ is your home.
#
# 'arc-monitor config validate' says what is wrong in this file, each problem with its line;
# 'arc-monitor run' then watches, and 'arc-monitor explain arc-monitor' says what it cannot see.
# 'arc-monitor config schema' prints a JSON schema for editors.
"""

_DATA: dict[str, Any] = {
    "github": {
        "acme": {
            "url": "https://github.com/acme",
            "token_file": "/etc/arc-monitor/token",
            "sentinel_repositories": ["web", "api"],
        }
    },
    "clusters": {
        "eu-west": {
            "region": "eu",
            "kubeconfig": "~/.kube/config",
            "context": "eu-west",
            "controller_namespace": "arc-systems",
            "runner_namespaces": ["arc-runners"],
        },
        "us-east": {"region": "us", "kubeconfig": "~/.kube/config", "context": "us-east"},
    },
    "pools": {
        "linux": {
            "mode": "observe",
            "members": [
                {"cluster": "eu-west", "runner_group": "arc-eu"},
                {"cluster": "us-east", "runner_group": "arc-us", "namespace": "arc-runners"},
            ],
            "canary_repositories": ["runner-canary"],
        }
    },
}
_NAMED: dict[str, type[Section]] = {"github": GitHubSection, "clusters": ClusterSection, "pools": PoolSection}


def example() -> str:
    """The text of ``config.example.yaml``."""
    lines = [_HEADER.rstrip()]
    for name, field in Root.model_fields.items():
        lines += ["", *_comment(field.description or "", 0), f"{name}:"]
        if name in _NAMED:
            lines += _named(_NAMED[name], _DATA[name])
        else:
            lines += _section(type(field.default), {}, 1)
    return "\n".join(lines) + "\n"


def _named(section: type[Section], entries: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for index, (name, data) in enumerate(entries.items()):
        lines += ["", f"  {name}:"] if index else [f"  {name}:"]
        lines += _section(section, data, 2, explain=index == 0)
    return lines


def _section(section: type[Section], data: dict[str, Any], depth: int, *, explain: bool = True) -> list[str]:
    """The lines of one section; ``explain`` adds the comments and the keys that may be left out."""
    told_elsewhere = PolicySection.model_fields if section is PoolSection else {}
    lines: list[str] = []
    for name, field in section.model_fields.items():
        if name not in data and (name in told_elsewhere or not explain):
            continue
        if explain and name not in told_elsewhere:
            lines += _comment(field.description or "", depth)
        lines += _entry(name, field, data, depth)
    return lines


def _entry(name: str, field: FieldInfo, data: dict[str, Any], depth: int) -> list[str]:
    pad = "  " * depth
    if name == "members":
        members = [f"{pad}  - {flow(member)}" for member in data[name]]
        return [*_table(MemberSection, depth), f"{pad}{name}:", *members]
    if name in data:
        return [f"{pad}{name}: {flow(data[name])}"]
    unwritten = field.default if field.default not in (None, (), {}) else (field.examples or [field.default])[0]
    return [f"{pad}#{name}: {flow(unwritten)}"]


def _table(section: type[Section], depth: int) -> list[str]:
    fields = section.model_fields
    width = max(map(len, fields))
    return [f"{'  ' * depth}#   {name:<{width}}  {field.description}" for name, field in fields.items()]


def _comment(text: str, depth: int) -> list[str]:
    pad = "  " * depth + "# "
    return textwrap.wrap(text, _WIDTH, initial_indent=pad, subsequent_indent=pad, break_on_hyphens=False)


def flow(value: Any) -> str:
    """``value`` as YAML on one line; floats are durations."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return format_duration(value)
        case Enum():
            return flow(value.value)
        case dict():
            return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case str():
            return _quoted(value)
        case _:
            return str(value)


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text) and text == text.strip():
        return text
    return "'" + text.replace("'", "''") + "'"
