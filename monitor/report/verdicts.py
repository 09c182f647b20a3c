"""Verdicts, findings and signals as the status document shows them."""

from collections.abc import Iterable

from monitor.model.fleet import Policy
from monitor.model.signal import Gap, Signal
from monitor.model.verdict import Evidence, Finding, Health, Verdict
from monitor.report.runbooks import runbook_path
from monitor.report.shapes import EvidenceDoc, FindingDoc, GapDoc, RunDoc, SignalDoc, VerdictDoc


def evidence_docs(items: Iterable[Evidence]) -> list[EvidenceDoc]:
    """Evidence, in the order in which the rule gave it."""
    return [EvidenceDoc(item.at, item.path, item.text) for item in items]


def finding_doc(finding: Finding) -> FindingDoc:
    """One finding."""
    return FindingDoc(
        code=finding.code,
        kind=finding.subject.kind,
        subject=finding.subject.name,
        health=finding.health.word,
        reaction=finding.reaction,
        severity=finding.severity,
        sentence=finding.sentence,
        evidence=evidence_docs(finding.evidence),
        would_change=finding.would_change,
        hints=list(finding.hints),
        since=finding.since,
        impact=finding.impact,
        runbook=runbook_path(finding.code),
    )


def verdict_doc(verdict: Verdict, policy: Policy | None = None) -> VerdictDoc:
    """One verdict; ``policy`` is the one that says how long a reading must last, where one governs the subject."""
    return VerdictDoc(
        health=verdict.health.word,
        since=verdict.since,
        seen=verdict.seen.word,
        seen_since=verdict.seen_since,
        readings=verdict.readings,
        run=None if policy is None else _run(verdict, policy),
        findings=[finding_doc(finding) for finding in verdict.findings],
        outranked=list(verdict.outranked),
        signals=[signal_doc(signal) for signal in verdict.signals],
        unknown=list(verdict.unknown),
    )


def signal_doc(signal: Signal) -> SignalDoc:
    """One signal."""
    return SignalDoc(signal.path, signal.answer, signal.at, signal.detail, signal.cause, signal.took)


def gap_docs(source: str, gaps: Iterable[Gap]) -> list[GapDoc]:
    """What could not be read of one poll's target."""
    return [GapDoc(source, gap.part, gap.reason, gap.cause) for gap in gaps]


def _run(verdict: Verdict, policy: Policy) -> RunDoc | None:
    """How far the unbroken run of readings is towards turning the verdict; None when it agrees with it."""
    held_fine = verdict.health is Health.HEALTHY
    seen_fine = verdict.seen is Health.HEALTHY
    if held_fine == seen_fine or verdict.seen is Health.BLIND:
        return None
    needed, lasting = (
        (policy.confirm_readings, policy.confirm_after) if held_fine else (policy.clear_readings, policy.clear_after)
    )
    return RunDoc(
        towards=verdict.seen.word,
        readings=verdict.readings,
        needed=needed,
        since=verdict.seen_since,
        due_at=verdict.seen_since + lasting,
    )
