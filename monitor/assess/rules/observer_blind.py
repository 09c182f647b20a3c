"""We see too little, or kept time too badly, to judge anybody."""

from collections.abc import Iterator

from monitor.assess.remember import jolted
from monitor.assess.rule import Rule
from monitor.assess.text import count, span
from monitor.assess.view import View
from monitor.model.signal import Answer, Path
from monitor.model.verdict import OBSERVER, Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding."""
    evidence = _time(view) or _sight(view)
    if evidence:
        sentence = f"The daemon can't trust its own eyes: {evidence[0].text}; the fault is on our side until shown."
        yield RULE.finding(OBSERVER.name, sentence, evidence, health=Health.BLIND, names={})


def _time(view: View) -> tuple[Evidence, ...]:
    observer = view.snapshot.observer
    if jolted(observer, view.fleet.timing):
        text = (
            f"the wall clock jumped by {span(abs(observer.clock_jump))}"
            if observer.clock_jump
            else f"the cycle came {span(observer.cycle_late)} late"
        )
        return (Evidence(view.now, Path.OBSERVER, text),)
    if view.now < view.memory.blind_until:
        left = span(view.memory.blind_until - view.now)
        return (Evidence(view.now, Path.OBSERVER, f"a cycle was late or the clock jumped; judging again in {left}"),)
    return ()


def _sight(view: View) -> tuple[Evidence, ...]:
    """Evidence that we are cut off: no cluster answers, or GitHub and a cluster are out of reach at once."""
    polled = [view.clusters[name] for name in view.clusters if name in view.snapshot.clusters]
    unseen = [cluster for cluster in polled if cluster.signal.answer is not Answer.OK]
    connections = [view.github[name] for name in view.github if name in view.snapshot.github]
    cut_off = bool(connections) and all(one.signal.answer is Answer.UNREACHABLE for one in connections)
    clusters = tuple(
        Evidence(one.at, Path.KUBERNETES, f"cluster {one.name}: {one.signal.detail or one.signal.answer.value}")
        for one in unseen
    )
    github = tuple(
        Evidence(one.signal.at, Path.GITHUB, f"github {one.name}: {one.signal.detail or one.signal.answer.value}")
        for one in connections
    )
    if len(polled) > 1 and len(unseen) == len(polled):
        whole = Evidence(view.now, Path.OBSERVER, f"none of {count(len(polled), 'cluster')} answers as it should")
        return (whole, *clusters)
    if cut_off and any(one.signal.answer is Answer.UNREACHABLE for one in unseen):
        whole = Evidence(view.now, Path.OBSERVER, "GitHub and a cluster are out of reach at the same time")
        return (whole, *github, *clusters)
    return ()


RULE = Rule(
    code="ObserverBlind",
    catalogue=("F2",),
    title="The daemon itself sees too little",
    looks_for="no cluster that answers as it should; GitHub and a cluster out of reach at once; a late cycle or a "
    "clock that jumped",
    evidence_against="one cluster and GitHub answer again, and the cycle has kept time for the blind hold",
    reaction=Reaction.HOLD,
    severity=Severity.PAGE,
    kind=SubjectKind.OBSERVER,
    find=find,
    hints=(
        "arc-monitor explain arc-monitor",
        "Look at the network, proxy and load of the machine that runs arc-monitor before any cluster.",
    ),
    sources=(
        "Kubernetes node controller: all zones unhealthy means trouble of our own",
        "Redis Sentinel: TILT",
    ),
    runbook="observer-blind",
)
