"""What the tests of GitHub's side share."""

import pytest
from observe.github.scripted import TOKEN, Bench, bench


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    """The environment holds a token."""
    monkeypatch.setenv("ARC_TEST_TOKEN", TOKEN)
    return TOKEN


@pytest.fixture
def scene(token: str) -> Bench:  # noqa: ARG001 - the token has to be there first
    """A client on a scripted GitHub."""
    return bench()
