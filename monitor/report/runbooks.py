"""Where the page of a finding or an alert lies."""

BASE_URL = "https://github.com/arc-monitor/arc-monitor/blob/main/"
FOLDER = "docs/runbooks"


def runbook_path(name: str) -> str:
    """The runbook of a finding's code or an alert's name, as a path below the repository's root."""
    return f"{FOLDER}/{name}.md"


def runbook_url(name: str) -> str:
    """The same page on the web."""
    return BASE_URL + runbook_path(name)
