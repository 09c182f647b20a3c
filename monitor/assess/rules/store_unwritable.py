"""The daemon's own store takes no writes, so that no switch could be written down before it is carried out."""

from collections.abc import Iterator

from monitor.assess.rule import Rule
from monitor.assess.view import View
from monitor.model.signal import Path
from monitor.model.verdict import OBSERVER, Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding."""
    observer = view.snapshot.observer
    if observer.store_writable:
        return
    reason = observer.store_reason or "no reason was given"
    sentence = f"The daemon's store takes no writes ({reason}); no switch can begin until it does."
    evidence = (Evidence(view.now, Path.OBSERVER, f"the last write failed: {reason}"),)
    yield RULE.finding(OBSERVER.name, sentence, evidence, health=Health.DEGRADED, names={})


RULE = Rule(
    code="StoreUnwritable",
    catalogue=("F13",),
    title="The store takes no writes",
    looks_for="the last write to the daemon's own store failed",
    evidence_against="a write succeeds",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.OBSERVER,
    find=find,
    hints=("Free space on the disk of the store, or mend its permissions.", "arc-monitor explain arc-monitor"),
    sources=("docs/concepts.md: an intent is written down before anything is sent",),
    runbook="store-unwritable",
)
