"""The status document: one value for the API, the status page and the commands that run while the daemon does."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from monitor.model.board import Snapshot
from monitor.model.fleet import Cluster
from monitor.model.github import GitHubObservation, StatusObservation
from monitor.model.kubernetes import ClusterObservation
from monitor.model.status import Status
from monitor.model.verdict import GateState
from monitor.report.outlook import headline
from monitor.report.pools import pool_doc, runners_doc
from monitor.report.shapes import (
    SCHEMA,
    BudgetDoc,
    ClusterDoc,
    ComponentDoc,
    ConnectionDoc,
    ControllerDoc,
    GapDoc,
    GroupDoc,
    ObserverDoc,
    PollDoc,
    RegionDoc,
    ScaleSetDoc,
    StatusDocument,
    StatusPageDoc,
)
from monitor.report.switches import history_doc, pause_doc, proposal_doc, switch_doc
from monitor.report.verdicts import gap_docs, verdict_doc

RECENT_SWITCHES = 20

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(StatusDocument)


def encode(document: StatusDocument) -> bytes:
    """The document as JSON."""
    return _encoder.encode(document)


def decode(data: bytes) -> StatusDocument:
    """The document from JSON, of this or a later version (fields that are not known are left out).

    Raises:
        msgspec.DecodeError: when it is no status document.
    """
    return _decoder.decode(data)


def document(status: Status) -> StatusDocument:
    """Everything that one cycle left behind. Costs about a tenth of a second per thousand members."""
    ended = [intent for intent in status.switches if not intent.running]
    return StatusDocument(
        schema=SCHEMA,
        at=status.at,
        version=status.version,
        leader=status.leader,
        cycle=status.fleet.timing.cycle,
        headline=headline(status),
        observer=_observer(status),
        github=[_connection(status, name) for name in status.fleet.connections],
        status_page=_status_page(status.snapshot.status),
        regions=_regions(status),
        pools=[pool_doc(status, pool) for pool in status.fleet.pools.values()],
        running=[switch_doc(intent) for intent in status.running],
        switches=[switch_doc(intent) for intent in reversed(ended[-RECENT_SWITCHES:])],
        pauses=[pause_doc(pause, status.at) for pause in status.pauses],
        proposals=[proposal_doc(proposal, status.at) for proposal in status.proposals],
        history=[history_doc(entry) for entry in status.history],
        polls=[
            PollDoc(
                poll.target,
                poll.polls,
                poll.failures,
                poll.skipped,
                poll.last_at,
                poll.last_success_at,
                poll.last_took,
                poll.late,
            )
            for poll in status.polls.values()
        ],
    )


def _observer(status: Status) -> ObserverDoc:
    observer = status.snapshot.observer
    quiet_until = status.assessment.quiet_until
    return ObserverDoc(
        verdict=verdict_doc(status.assessment.observer),
        started_at=observer.started_at,
        led_since=observer.led_since,
        quiet_until=quiet_until if quiet_until > status.at else None,
        cycle_late=observer.cycle_late,
        clock_jump=observer.clock_jump,
        store_writable=observer.store_writable,
        store_reason=observer.store_reason,
        gaps=_gaps(status.snapshot),
    )


def _gaps(snapshot: Snapshot) -> list[GapDoc]:
    gaps: list[GapDoc] = []
    for name, cluster in snapshot.clusters.items():
        gaps += gap_docs(f"cluster/{name}", cluster.gaps)
    for name, connection in snapshot.github.items():
        gaps += gap_docs(f"github/{name}", connection.gaps)
    return gaps


def _connection(status: Status, name: str) -> ConnectionDoc:
    observation = status.snapshot.github.get(name)
    budget = observation.budget if observation else None
    return ConnectionDoc(
        name=name,
        verdict=verdict_doc(status.assessment.github(name)),
        budget=BudgetDoc(budget.limit, budget.remaining, budget.reset_at) if budget else None,
        skew=observation.skew if observation else None,
        version=observation.version if observation else "",
        groups=_groups(status, name, observation),
    )


def _groups(status: Status, connection: str, observation: GitHubObservation | None) -> list[GroupDoc]:
    """The groups that pools of this connection use; those of others in the organisation are nobody's business."""
    used: defaultdict[str, list[str]] = defaultdict(list)
    for member in status.fleet.members:
        if member.gate.connection == connection:
            used[member.gate.group].append(member.name)
    groups = (observation.groups if observation else None) or {}
    runners = (observation.runners if observation else None) or {}
    return [
        GroupDoc(
            name=name,
            visibility=groups[name].visibility if name in groups else None,
            repositories=_repositories(observation, name),
            runners=runners_doc(runners.get(name)),
            members=members,
        )
        for name, members in used.items()
    ]


def _repositories(observation: GitHubObservation | None, group: str) -> int | None:
    groups = observation.groups if observation else None
    if groups is None or group not in groups:
        return None
    repositories = groups[group].repositories
    return None if repositories is None else len(repositories)


def _status_page(observation: StatusObservation | None) -> StatusPageDoc | None:
    if observation is None:
        return None
    return StatusPageDoc(
        at=observation.at,
        answer=observation.signal.answer,
        detail=observation.signal.detail,
        components=[ComponentDoc(name, state) for name, state in observation.components.items()],
        incidents=list(observation.incidents),
    )


def _regions(status: Status) -> list[RegionDoc]:
    grouped: defaultdict[str, list[Cluster]] = defaultdict(list)
    for cluster in status.fleet.clusters.values():
        grouped[cluster.region].append(cluster)
    members: defaultdict[str, list[str]] = defaultdict(list)
    serves: defaultdict[str, list[str]] = defaultdict(list)
    for member in status.fleet.members:
        members[member.cluster].append(member.name)
        if status.assessment.gates.get(member.name) is GateState.OPEN:
            serves[member.cluster].append(member.pool)
    regions = []
    for region, clusters in grouped.items():
        docs = [_cluster(status, item, members[item.name], serves[item.name]) for item in clusters]
        worst = max(status.assessment.cluster(item.name).health for item in clusters)
        regions.append(RegionDoc(region, worst.word, _unique(pool for doc in docs for pool in doc.serves), docs))
    return regions


def _cluster(status: Status, cluster: Cluster, members: list[str], serves: list[str]) -> ClusterDoc:
    observation = status.snapshot.clusters.get(cluster.name)
    starts = [status.assessment.listener_starts[name] for name in members if name in status.assessment.listener_starts]
    return ClusterDoc(
        name=cluster.name,
        region=cluster.region,
        verdict=verdict_doc(status.assessment.cluster(cluster.name)),
        members=members,
        serves=_unique(serves),
        scale_sets=_scale_sets(observation),
        controllers=_controllers(observation),
        listener_starts=sum(starts) if starts else None,
        observed_at=observation.at if observation else None,
        gaps=gap_docs(f"cluster/{cluster.name}", observation.gaps if observation else ()),
    )


def _scale_sets(observation: ClusterObservation | None) -> list[ScaleSetDoc] | None:
    if observation is None or observation.scale_sets is None:
        return None
    return [
        ScaleSetDoc(
            name=item.name,
            namespace=item.namespace,
            id=item.scale_set_id,
            scale_set=item.scale_set_name,
            group=item.registered_group or item.runner_group,
            phase=item.phase,
            version=item.version,
            min_runners=item.min_runners,
            max_runners=item.max_runners,
        )
        for item in observation.scale_sets
    ]


def _controllers(observation: ClusterObservation | None) -> list[ControllerDoc] | None:
    if observation is None or observation.controllers is None:
        return None
    return [
        ControllerDoc(item.name, item.namespace, item.version, item.wanted, item.ready)
        for item in observation.controllers
    ]


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
