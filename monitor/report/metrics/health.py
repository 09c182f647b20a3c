"""What is held of everything, and what is wrong with it."""

from monitor.model.status import Status
from monitor.model.verdict import Finding, Health, SubjectKind
from monitor.report.metrics.definition import Samples, gauge

VALUES = ", ".join(f"{health.value} {health.word}" for health in Health)
OBSERVER = gauge("observer_health", f"Verdict of the daemon itself: {VALUES}.")
GITHUB = gauge("github_health", f"Verdict of GitHub behind a connection: {VALUES}.", "connection")
CLUSTER = gauge("cluster_health", f"Verdict of a cluster: {VALUES}.", "cluster", "region")
POOL = gauge("pool_health", f"Verdict of a pool as a whole: {VALUES}.", "pool")
MEMBER = gauge("member_health", f"Verdict of a pool in a cluster: {VALUES}.", "pool", "cluster", "region")
MEMBER_SEEN = gauge(
    "member_health_seen",
    f"What the newest reading of a member alone says, before it has lasted: {VALUES}.",
    "pool",
    "cluster",
    "region",
)
FINDING = gauge(
    "finding",
    "1 for each named fault that the evidence supports now; rank is chosen for the one that explains a verdict.",
    "code",
    "kind",
    "subject",
    "pool",
    "cluster",
    "severity",
    "reaction",
    "rank",
)
CHOSEN = "chosen"
OUTRANKED = "outranked"

METRICS = (OBSERVER, GITHUB, CLUSTER, POOL, MEMBER, MEMBER_SEEN, FINDING)


def finding_labels(finding: Finding) -> tuple[str, ...]:
    """The labels of a finding, in the order of ``FINDING.labels`` without ``rank``; empty ones count as absent.

    The notifier uses the same, so that an alert that is pushed and one that Prometheus sends are one alert.
    """
    kind, name = finding.subject.kind, finding.subject.name
    pool = cluster = ""
    if kind is SubjectKind.MEMBER:
        pool, _, cluster = name.rpartition("@")
    elif kind is SubjectKind.CLUSTER:
        cluster = name
    elif kind is SubjectKind.POOL:
        pool = name
    return (finding.code, kind, name, pool, cluster, finding.severity, finding.reaction)


def samples(status: Status) -> Samples:
    """Samples about verdicts and findings."""
    assessment, fleet = status.assessment, status.fleet
    yield OBSERVER(value=assessment.observer.health)
    for connection in fleet.connections:
        yield GITHUB(connection, value=assessment.github(connection).health)
    for cluster in fleet.clusters.values():
        yield CLUSTER(cluster.name, cluster.region, value=assessment.cluster(cluster.name).health)
    for subject, verdict in assessment.verdicts.items():
        if subject.kind is SubjectKind.POOL:
            yield POOL(subject.name, value=verdict.health)
    for member in fleet.members:
        verdict = assessment.member(member.name)
        region = fleet.clusters[member.cluster].region
        yield MEMBER(member.pool, member.cluster, region, value=verdict.health)
        yield MEMBER_SEEN(member.pool, member.cluster, region, value=verdict.seen)
    ranks: dict[tuple[str, ...], str] = {}
    for verdict in assessment.verdicts.values():
        for number, finding in enumerate(verdict.findings):
            labels = finding_labels(finding)
            if number == 0 or labels not in ranks:
                ranks[labels] = OUTRANKED if number else CHOSEN
    for labels, rank in ranks.items():
        yield FINDING(*labels, rank, value=1)
