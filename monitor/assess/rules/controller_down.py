"""The ARC controller of a cluster is down while its listeners go on winning jobs: nothing makes the runner pods."""

from collections.abc import Iterator

from monitor.assess.impact import user_impact
from monitor.assess.rule import Rule
from monitor.assess.text import count, span
from monitor.assess.view import ClusterView, MemberView, View
from monitor.model.signal import Path
from monitor.model.verdict import Evidence, Finding, Health, Reaction, Severity, SubjectKind


def find(view: View) -> Iterator[Finding]:
    """Yield at most one finding for each cluster."""
    for name in sorted(view.clusters):
        cluster = view.clusters[name]
        if cluster.controllers is None or (not cluster.controllers and not cluster.memory.controller_seen):
            continue
        down = [one for one in cluster.controllers if one.ready == 0]
        if down and len(down) == len(cluster.controllers):
            text = f"controller {down[0].namespace}/{down[0].name} has 0 of {down[0].wanted} replicas ready"
        elif not cluster.controllers:
            text = "the ARC controller's Deployment is gone"
        elif down:
            yield _partly(cluster, f"controller {down[0].namespace}/{down[0].name} has no replica ready, another has")
            continue
        else:
            continue
        yield _down(view, cluster, text)


def _down(view: View, cluster: ClusterView, text: str) -> Finding:
    demand = [fact for member in view.by_cluster.get(cluster.name, ()) for fact in _demand(member, view.now)]
    evidence = (Evidence(cluster.at, Path.KUBERNETES, text), *dict.fromkeys(demand))
    felt = f"; {demand[0].text}" if demand else "; no job waits for it yet"
    sentence = f"In cluster {cluster.name} {text}: its listeners still win jobs that nothing will run{felt}."
    return RULE.finding(
        cluster.name,
        sentence,
        evidence,
        health=Health.FAILED,
        names=cluster.names,
        impact=bool(demand),
        severity=Severity.PAGE if demand else Severity.TICKET,
    )


def _partly(cluster: ClusterView, text: str) -> Finding:
    return RULE.finding(
        cluster.name,
        f"In cluster {cluster.name} {text}.",
        (Evidence(cluster.at, Path.KUBERNETES, text),),
        health=Health.DEGRADED,
        names=cluster.names,
        reaction=Reaction.ALERT,
        severity=Severity.TICKET,
    )


def _demand(member: MemberView, now: float) -> tuple[Evidence, ...]:
    """Jobs that are bound to the member and do not run, on either path."""
    found = user_impact(member, now)
    stuck = member.memory.stuck
    if stuck is not None and stuck.lasted > 0 and member.runner_sets:
        gap = sum(one.desired - one.running for one in member.runner_sets)
        if gap > 0:
            text = f"{count(gap, 'runner')} of {member.name} wanted and not running for {span(stuck.lasted)}"
            return (member.seen(text), *found)
    return found


RULE = Rule(
    code="ControllerDown",
    catalogue=("D7",),
    title="The ARC controller is down",
    looks_for="a controller Deployment without a ready replica; impact: runners that are wanted and do not run, or "
    "jobs that wait",
    evidence_against="a ready replica",
    reaction=Reaction.SWITCH_CLUSTER,
    severity=Severity.PAGE,
    kind=SubjectKind.CLUSTER,
    find=find,
    hints=(
        "kubectl --context {cluster} -n {controller_namespace} describe deployment {controller}",
        "kubectl --context {cluster} -n {controller_namespace} logs deployment/{controller} --tail=100",
        "kubectl --context {cluster} -n {controller_namespace} rollout restart deployment {controller}",
    ),
    sources=("pytorch/ci-infra heal-arc category 1", "ARC#4470"),
    runbook="controller-down",
)
