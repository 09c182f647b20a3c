"""From findings to verdicts: which finding explains a subject, how it looks now, and what is held of it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitor.assess.hysteresis import Limits, step
from monitor.assess.memory import Memory
from monitor.assess.view import ClusterView, GitHubView, MemberView, View
from monitor.model.fleet import Policy
from monitor.model.signal import Answer, Path, Signal
from monitor.model.verdict import OBSERVER, Finding, Health, Reaction, Severity, Subject, SubjectKind, Track, Verdict

_WORST = (Health.FAILED, Health.BLIND, Health.DEGRADED)
"""From worst to best: what evidence shows to have failed outweighs what can't be seen."""


def worst(findings: Iterable[Finding]) -> Health:
    """What the findings say together."""
    healths = {finding.health for finding in findings}
    return next((health for health in _WORST if health in healths), Health.HEALTHY)


def soften(view: View, finding: Finding, members: Mapping[str, MemberView]) -> Finding:
    """The finding, with a switch turned into an alert where no jobs are meant to reach the subject anyway."""
    if not finding.reaction.switches:
        return finding
    if finding.subject.kind is SubjectKind.MEMBER:
        concerned: tuple[MemberView, ...] = (members[finding.subject.name],)
    else:
        concerned = view.by_cluster.get(finding.subject.name, ())
    if any(member.expected for member in concerned):
        return finding
    return replace(finding, reaction=Reaction.ALERT, severity=Severity.TICKET, impact=False)


class Judge:
    """Makes the verdicts of one walk and the tracks that go with them."""

    def __init__(self, view: View, memory: Memory, rank: Mapping[str, int], common: frozenset[str]) -> None:
        self._view = view
        self._before = memory.tracks
        self._rank = rank
        self._common = common
        self.tracks: dict[Subject, Track] = {}
        self.verdicts: dict[Subject, Verdict] = {}

    def all(self) -> None:
        """Judge every subject: the observer, GitHub, clusters, pools, members."""
        view = self._view
        self._observer()
        for name in view.fleet.connections:
            self._github(view.github[name])
        for name in view.fleet.clusters:
            self._cluster(view.clusters[name])
        for name in view.fleet.pools:
            self._pool(name)
        for member in view.members:
            self._member(member)

    def _found(self, subject: Subject) -> tuple[Finding, ...]:
        return self._view.findings.get(subject, ())

    def _judge(
        self,
        subject: Subject,
        findings: tuple[Finding, ...],
        at: float,
        limits: Limits,
        signals: tuple[Signal, ...],
        unknown: tuple[str, ...],
        *,
        known: bool,
    ) -> None:
        """Write one subject's track and verdict; ``known`` is False when no finding does not mean that all is well."""
        now = self._view.now
        seen: Health | None = worst(findings)
        if seen is Health.HEALTHY and not known:
            seen = None
        track = step(self._before.get(subject), seen, at, now, limits)
        ordered = tuple(sorted(findings, key=lambda finding: (self._rank[finding.code], str(finding.subject))))
        chosen = ordered[0].code if ordered else ""
        self.tracks[subject] = track
        self.verdicts[subject] = Verdict(
            subject=subject,
            health=track.held,
            since=track.held_since,
            seen=track.seen if seen is not None else Health.BLIND,
            seen_since=track.seen_since if seen is not None else track.observed_at or track.held_since,
            readings=track.readings if seen is not None else 0,
            findings=ordered,
            outranked=tuple(dict.fromkeys(one.code for one in ordered[1:] if one.code != chosen)),
            signals=signals,
            unknown=unknown,
        )

    def _observer(self) -> None:
        view = self._view
        known = any(cluster.signal.answer is not Answer.UNKNOWN for cluster in view.clusters.values())
        unknown = tuple(name for cluster in view.clusters.values() for name in cluster.unknown)
        self._judge(OBSERVER, self._found(OBSERVER), view.now, self._at_once(), (), unknown, known=known)

    def _at_once(self) -> Limits:
        """For ourselves: blindness begins and ends with the reading; the hold after it is ``quiet_until``."""
        return Limits(0.0, 1, 0.0, 1, float("inf"))

    def _github(self, github: GitHubView) -> None:
        view = self._view
        policies = [pool.policy for pool in view.fleet.pools.values() if pool.connection == github.name]
        slowest = self._limits(policies)
        limits = Limits(0.0, 1, slowest.confirm_after, slowest.confirm_readings, slowest.patience)
        signals = (github.signal,) + ((view.status.signal,) if view.status else ())
        self._judge(
            github.subject,
            self._found(github.subject),
            github.observation.at if github.observation else github.signal.at,
            limits,
            signals,
            github.unknown,
            known=github.signal.answer is Answer.OK,
        )

    def _cluster(self, cluster: ClusterView) -> None:
        members = self._view.by_cluster.get(cluster.name, ())
        self._judge(
            cluster.subject,
            self._found(cluster.subject),
            cluster.at,
            self._limits([member.pool.policy for member in members]),
            (cluster.signal,),
            cluster.unknown,
            known=cluster.signal.answer is Answer.OK,
        )

    def _pool(self, name: str) -> None:
        members = self._view.pools.get(name, ())
        subject = Subject(SubjectKind.POOL, name)
        self._judge(
            subject,
            self._found(subject),
            max((member.at for member in members), default=self._view.now),
            self._limits([self._view.fleet.pools[name].policy]),
            (),
            (),
            known=any(member.readable for member in members),
        )

    def _member(self, member: MemberView) -> None:
        view = self._view
        pool = Subject(SubjectKind.POOL, member.pool.name)
        own = view.of(member)
        sick = any(finding.health is not Health.HEALTHY for finding in own)
        common = tuple(one for one in self._found(pool) if sick and one.code in self._common)
        findings = common + own
        unknown = member.cluster.unknown + (member.github.unknown if member.github else ())
        self._judge(
            member.subject,
            findings,
            member.at,
            self._limits([member.pool.policy]),
            _signals(member, findings),
            unknown,
            known=member.readable,
        )

    def _limits(self, policies: list[Policy]) -> Limits:
        """The strictest of the policies: the slowest to confirm, the slowest to clear."""
        chosen = policies or [Policy()]
        return Limits(
            max(one.confirm_after for one in chosen),
            max(one.confirm_readings for one in chosen),
            max(one.clear_after for one in chosen),
            max(one.clear_readings for one in chosen),
            self._view.fleet.timing.freshness,
        )


def _signals(member: MemberView, findings: tuple[Finding, ...]) -> tuple[Signal, ...]:
    """The member's newest signal on each path: what a finding says outweighs that the API answered."""
    signals = [member.cluster.signal]
    if member.github is not None:
        signals.append(member.github.signal)
    return tuple(_with_finding(signal, findings) for signal in signals)


def _with_finding(signal: Signal, findings: tuple[Finding, ...]) -> Signal:
    if signal.answer is not Answer.OK:
        return signal
    for finding in findings:
        if finding.health in {Health.FAILED, Health.DEGRADED} and signal.path in finding.paths:
            text = next(item.text for item in finding.evidence if item.path is signal.path)
            return Signal(Path(signal.path), Answer.BAD, signal.at, text, took=signal.took)
    return signal
