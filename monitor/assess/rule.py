"""The record of a fault rule: what docs, alerts and ``explain`` print, and the pure function that finds the fault."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from monitor.assess.view import View
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, Subject, SubjectKind


class _Names(dict[str, str]):
    """Names for a hint; one that is not known stays a placeholder that a person sees at once."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


@dataclass(frozen=True, slots=True)
class Rule:
    """One named fault.

    Attributes:
        code: stable name, the alert's and the metric's.
        catalogue: ids of the failure scenarios it covers.
        title: the fault in a few words.
        looks_for: what evidence it needs.
        evidence_against: what would make us drop it.
        reaction: the strongest reaction it may ask for.
        severity: the loudest it may be.
        kind: what kind of subject it is about.
        find: yields a finding for each subject that has the fault.
        hints: commands for people, in order; ``{names}`` are filled in.
        sources: where the domain fact comes from.
        runbook: slug of its runbook page.
        second_look: it judges the findings of the other rules, so it runs after them.
    """

    code: str
    catalogue: tuple[str, ...]
    title: str
    looks_for: str
    evidence_against: str
    reaction: Reaction
    severity: Severity
    kind: SubjectKind
    find: Callable[[View], Iterator[Finding]]
    hints: tuple[str, ...]
    sources: tuple[str, ...]
    runbook: str
    second_look: bool = False

    def finding(
        self,
        name: str,
        sentence: str,
        evidence: tuple[Evidence, ...],
        *,
        health: Health,
        names: Mapping[str, str],
        since: float | None = None,
        impact: bool = False,
        reaction: Reaction | None = None,
        severity: Severity | None = None,
        hints: tuple[str, ...] | None = None,
    ) -> Finding:
        """A finding of this rule about the subject called ``name``; hints are filled in from ``names``."""
        known = _Names(names)
        return Finding(
            code=self.code,
            subject=Subject(self.kind, name),
            health=health,
            reaction=self.reaction if reaction is None else reaction,
            severity=self.severity if severity is None else severity,
            sentence=sentence,
            evidence=evidence,
            would_change=self.evidence_against,
            hints=tuple(hint.format_map(known) for hint in (self.hints if hints is None else hints)),
            since=since,
            impact=impact,
        )
