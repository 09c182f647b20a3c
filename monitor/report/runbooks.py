"""Where the page of a finding or an alert lies."""

from monitor.assess import RULES

BASE_URL = "https://github.com/arc-monitor/arc-monitor/blob/main/"
FOLDER = "docs/runbooks"

_SLUGS = {rule.code: rule.runbook for rule in RULES}


def runbook_path(code: str) -> str:
    """The runbook of a finding's code, as a path below the repository's root.

    A code that no rule has leads to the index of all runbooks.
    """
    return f"{FOLDER}/{_SLUGS.get(code, 'README')}.md"


def runbook_url(slug: str) -> str:
    """A runbook on the web, by its slug."""
    return f"{BASE_URL}{FOLDER}/{slug}.md"
