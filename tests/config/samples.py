"""Small configurations for tests, and what is wrong with a text in one call."""

import pytest

from monitor.config import parse
from monitor.model.errors import ConfigError

MINIMAL = """\
github:
  acme: {url: https://github.com/acme, token_file: token}
clusters:
  eu: {context: eu}
  us: {context: us}
pools:
  linux:
    members:
      - {cluster: eu, runner_group: arc-eu}
      - {cluster: us, runner_group: arc-us}
"""
SOURCE = "/etc/arc/config.yaml"


def problems(text: str) -> list[str]:
    """The problems of ``text`` as printed, without the file's name; the test fails when there are none."""
    with pytest.raises(ConfigError) as caught:
        parse(text, SOURCE)
    return [str(problem).removeprefix(f"{SOURCE}:") for problem in caught.value.problems]


def changed(old: str, new: str, text: str = MINIMAL) -> str:
    """``text`` with one place changed; the test fails when that place is not there exactly once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)
