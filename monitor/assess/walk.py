"""The walk: memory and snapshot in, next memory and assessment out."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from monitor.assess.build import build
from monitor.assess.impact import user_impact
from monitor.assess.matching import Matches, matches
from monitor.assess.memory import Memory
from monitor.assess.readiness import readiness
from monitor.assess.registry import COMMON, RANK, RULES
from monitor.assess.remember import remember
from monitor.assess.verdicts import Judge, soften
from monitor.assess.view import View
from monitor.model.board import Snapshot
from monitor.model.fleet import Fleet, Member
from monitor.model.switch import PoolState
from monitor.model.verdict import Assessment, Finding, Subject


def assess(
    memory: Memory, snapshot: Snapshot, fleet: Fleet, pools: Mapping[str, PoolState], now: float
) -> tuple[Memory, Assessment]:
    """Judge the snapshot, in the light of what is remembered and what is desired.

    Args:
        memory: as the last walk left it; ``Memory()`` for the first one.
        snapshot: the newest observation of everything, each with its own time.
        fleet: what is watched, and when a reading becomes a symptom.
        pools: what is desired, by pool; a pool without an entry is judged by what its gates let through.
        now: the instant of this walk, by the observer's steady clock.

    Returns:
        The memory for the next walk, and the assessment. Equal arguments give equal results, whatever the order of
        the mappings.
    """
    matched = _match(memory, snapshot, fleet)
    memory = remember(memory, snapshot, fleet, matched, now)
    view = build(memory, snapshot, fleet, pools, matched, now)
    view = replace(view, readiness={member.name: readiness(view, member) for member in view.members})
    sightings: dict[tuple[Subject, str], float] = {}
    for second in (False, True):
        view = _look(view, sightings, second=second)
    judge = Judge(view, memory, RANK, COMMON)
    judge.all()
    assessment = Assessment(
        at=now,
        verdicts=judge.verdicts,
        gates={member.name: member.gate for member in view.members},
        readiness=view.readiness,
        last_job_at={member.name: member.last_job_at for member in view.members},
        listener_starts={member.name: member.listener.starts if member.listener else 0 for member in view.members},
        quiet_until=_quiet_until(memory, snapshot, fleet),
    )
    return replace(
        memory, tracks=judge.tracks, sightings=sightings, suspects=_suspects(view), matches=matched
    ), assessment


def _match(memory: Memory, snapshot: Snapshot, fleet: Fleet) -> dict[str, Matches]:
    members: dict[str, list[Member]] = defaultdict(list)
    for member in fleet.members:
        members[member.cluster].append(member)
    return {
        name: matches(memory.matches.get(name), observation, tuple(members[name]))
        for name, observation in sorted(snapshot.clusters.items())
        if name in fleet.clusters
    }


def _look(view: View, sightings: dict[tuple[Subject, str], float], *, second: bool) -> View:
    """The view with the findings of one group of rules added; each gets the time when it was first seen."""
    found: list[Finding] = [finding for rule in RULES if rule.second_look is second for finding in rule.find(view)]
    members = {member.name: member for member in view.members}
    findings: dict[Subject, list[Finding]] = defaultdict(list)
    for subject, earlier in view.findings.items():
        findings[subject].extend(earlier)
    for finding in found:
        key = finding.subject, finding.code
        sightings[key] = view.memory.sightings.get(key, view.now)
        since = sightings[key] if finding.since is None else finding.since
        findings[finding.subject].append(soften(view, replace(finding, since=since), members))
    return replace(view, findings={subject: tuple(ones) for subject, ones in findings.items()})


def _quiet_until(memory: Memory, snapshot: Snapshot, fleet: Fleet) -> float:
    """No switch begins before this: after start, after winning leadership, after a blind spell."""
    observer = snapshot.observer
    began = observer.started_at if observer.led_since is None else max(observer.started_at, observer.led_since)
    return max(began + fleet.timing.quiet_start, memory.blind_until)


def _suspects(view: View) -> dict[str, frozenset[str]]:
    """Listeners whose log is worth reading: young or looping ones, and those whose users wait."""
    found: dict[str, set[str]] = defaultdict(set)
    for member in view.members:
        for listener in member.listeners or ():
            if listener.pods and (not listener.steady or listener.conflicted):
                found[member.member.cluster].add(listener.listener.name)
        if member.listener is not None and user_impact(member, view.now):
            found[member.member.cluster].add(member.listener.listener.name)
    return {cluster: frozenset(names) for cluster, names in found.items()}
