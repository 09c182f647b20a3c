"""The long answer to "why": verdict, evidence, what was ruled out, readiness, blocks, and what comes next."""

from collections.abc import Iterable

from monitor.model.errors import Permanent
from monitor.report.shapes import (
    CheckDoc,
    ClusterDoc,
    ConnectionDoc,
    DecisionDoc,
    EvidenceDoc,
    FindingDoc,
    MemberDoc,
    PoolDoc,
    StatusDocument,
    VerdictDoc,
)
from monitor.report.words import ago, clock, date, plain

OURSELVES = ("arc-monitor", "observer")


def explain_text(document: StatusDocument, subject: str) -> str:
    """Explain a pool, a member (``pool@cluster``), a cluster, a region, a GitHub connection or ``arc-monitor``.

    Raises:
        Permanent: when nothing has that name; the message lists what has one.
    """
    pools = {pool.name: pool for pool in document.pools}
    members = {member.name: member for pool in document.pools for member in pool.members}
    regions = {region.name: region for region in document.regions}
    clusters = {cluster.name: cluster for region in document.regions for cluster in region.clusters}
    connections = {connection.name: connection for connection in document.github}
    now = document.at
    if subject in pools:
        lines = _pool(pools[subject], now)
    elif subject in members:
        lines = _member(members[subject], now) + _decided(pools[members[subject].pool], now)
    elif subject in clusters:
        lines = _cluster(clusters[subject], members, now)
    elif subject in regions:
        lines = [line for cluster in regions[subject].clusters for line in _cluster(cluster, members, now)]
    elif subject in connections:
        lines = _connection(connections[subject], document, now)
    elif subject in OURSELVES:
        lines = _observer(document)
    else:
        raise Permanent(
            f"nothing is called {subject!r}; there are {_listed([*pools, *clusters, *regions, *connections])}"
        )
    return plain("\n".join([*lines, "", f"As of {date(now)}, arc-monitor {document.version}."]))


def _pool(pool: PoolDoc, now: float) -> list[str]:
    epoch = "nothing desired yet" if pool.epoch is None else f"epoch {pool.epoch}"
    lines = [
        f"Pool {pool.name} ({pool.organization}, mode {pool.mode}, serves {pool.serve}, {epoch}, phase {pool.phase})"
    ]
    lines += _decided(pool, now)
    if pool.verdict is not None and pool.verdict.findings:
        lines += ["", *_verdict(pool.verdict, now)]
    for member in pool.members:
        lines += ["", *_member(member, now)]
    return lines


def _decided(pool: PoolDoc, now: float) -> list[str]:
    lines = ["", "Decision"]
    decision = pool.decision
    if decision is None:
        lines.append("  none yet: the first cycle has not ended")
    else:
        lines += _decision(decision, now)
    when = "" if pool.outlook.at is None else f" {clock(pool.outlook.at)}, {ago(pool.outlook.at, now)}"
    lines.append(f"  next: {pool.outlook.sentence}{when}")
    if pool.cooldown_until is not None:
        lines.append(f"  cool-down until {clock(pool.cooldown_until)}")
    lines.append(f"  automatic switches in 24 h: {pool.switches_today} of {pool.switches_allowed}")
    return lines


def _decision(decision: DecisionDoc, now: float) -> list[str]:
    lines = [f"  {decision.kind} ({decision.code}): {decision.sentence}"]
    if decision.source:
        lines.append(f"  shuts {_listed(decision.source)}; opens {_listed(decision.target) or 'nothing'}")
    if decision.scope:
        lines.append(f"  moves too, for they share a gate: {_listed(decision.scope)}")
    for block in decision.blocks:
        clears = "time alone does not clear it" if block.clears_at is None else f"clears {ago(block.clears_at, now)}"
        lines.append(f"  blocked by {block.code}: {block.sentence} ({clears})")
    if decision.proposal:
        lines.append(f"  $ arc-monitor approve {decision.proposal}")
    return lines


def _member(member: MemberDoc, now: float) -> list[str]:
    wanted = "not set" if member.wanted is None else member.wanted
    mark = "! " if member.differs else "? " if member.actual == "unknown" else ""
    lines = [
        f"Member {member.name} ({member.role}, region {member.region})",
        f"  scale set {member.scale_set}, gate {member.gate}",
        f"  gate: wanted {wanted}, actual {mark}{member.actual}",
    ]
    if member.fence is not None:
        lines.append(f"  fenced {ago(member.fence.since, now)} by {member.fence.intent}: {member.fence.reason}")
    lines.append(f"  last job started: {ago(member.last_job_at, now)}")
    lines += _verdict(member.verdict, now)
    if member.checks:
        ready = "not known" if member.ready is None else "yes" if member.ready else "no"
        lines += [f"  ready to take over: {ready}", *(_check(check, now) for check in member.checks)]
    return lines


def _cluster(cluster: ClusterDoc, members: dict[str, MemberDoc], now: float) -> list[str]:
    serves = _listed(cluster.serves) or "nothing"
    lines = [
        f"Cluster {cluster.name} (region {cluster.region}), serves {serves}, last seen {ago(cluster.observed_at, now)}"
    ]
    lines += _verdict(cluster.verdict, now)
    lines += [f"  ? {gap.part} could not be read: {gap.reason}" for gap in cluster.gaps]
    for name in cluster.members:
        lines += ["", *_member(members[name], now)]
    return lines


def _connection(connection: ConnectionDoc, document: StatusDocument, now: float) -> list[str]:
    lines = [f"GitHub connection {connection.name}", *_verdict(connection.verdict, now)]
    budget = connection.budget
    left = (
        "not known"
        if budget is None
        else f"{budget.remaining} of {budget.limit}, full again {ago(budget.reset_at, now)}"
    )
    lines.append(f"  rate limit left: {left}")
    for group in connection.groups:
        repositories = "?" if group.repositories is None else str(group.repositories)
        lines.append(f"  runner group {group.name}: {repositories} repositories, used by {_listed(group.members)}")
    if document.status_page is not None:
        lines += [f"  status page: {item.name} {item.state}" for item in document.status_page.components]
        lines += [f"  incident: {name}" for name in document.status_page.incidents]
    return lines


def _observer(document: StatusDocument) -> list[str]:
    observer = document.observer
    lines = ["arc-monitor itself", *_verdict(observer.verdict, document.at)]
    lines.append(f"  {'leads' if document.leader else 'follows'}, started {ago(observer.started_at, document.at)}")
    lines.append(f"  newest cycle {observer.cycle_late:.3f} s late")
    if observer.quiet_until is not None:
        lines.append(f"  quiet until {clock(observer.quiet_until)}: no switch begins before")
    if not observer.store_writable:
        lines.append(f"  the store takes no writes: {observer.store_reason}")
    return lines + [f"  ? {gap.source} {gap.part} could not be read: {gap.reason}" for gap in observer.gaps]


def _verdict(verdict: VerdictDoc, now: float) -> list[str]:
    mark = "? " if verdict.health == "blind" else ""
    lines = [f"  verdict: {mark}{verdict.health} since {date(verdict.since)} ({ago(verdict.since, now)})"]
    run = verdict.run
    if run is not None:
        readings = f"{run.readings} of {run.needed} readings"
        lines.append(f"  seen as {run.towards} since {clock(run.since)}: {readings}; can turn {ago(run.due_at, now)}")
    for number, finding in enumerate(verdict.findings):
        lines += _finding(finding, "because" if number == 0 else "also", now)
    if verdict.outranked:
        lines.append(f"  ruled out as the cause (outranked): {_listed(verdict.outranked)}")
    lines += [f"  ? not known: {item}" for item in verdict.unknown]
    for signal in verdict.signals:
        detail = f": {signal.detail}" if signal.detail else ""
        lines.append(f"  signal {signal.path}: {signal.answer} {ago(signal.at, now)}{detail}")
    return lines


def _finding(finding: FindingDoc, word: str, now: float) -> list[str]:
    since = "" if finding.since is None else f", since {clock(finding.since)}"
    lines = [f"  {word} {finding.code} ({finding.severity}{since}): {finding.sentence}"]
    lines += [_evidence(item, now) for item in finding.evidence]
    lines.append(f"    would change our mind: {finding.would_change}")
    lines += [f"    $ {hint}" for hint in finding.hints]
    lines.append(f"    runbook: {finding.runbook}")
    return lines


def _evidence(item: EvidenceDoc, now: float) -> str:
    return f"    {clock(item.at)} ({ago(item.at, now)}) {item.path}: {item.text}"


def _check(check: CheckDoc, now: float) -> str:
    mark = "?" if check.passed is None else "ok" if check.passed else "NO"
    return f"    {mark:>2} {check.name}: {check.text}" + ("" if check.at is None else f" ({ago(check.at, now)})")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
