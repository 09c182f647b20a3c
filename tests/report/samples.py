"""Sample Status values: the situations that reports, metrics and the page are shown in."""

from collections.abc import Mapping
from dataclasses import replace

from monitor.model.board import ObserverObservation, Snapshot
from monitor.model.decision import Block, BlockCode, Decision, DecisionKind
from monitor.model.fleet import Cluster, Fleet, GateRef, GateStrategy, Member, Mode, Order, Policy, Pool, Serve
from monitor.model.github import (
    GitHubObservation,
    QueuedJobs,
    RateBudget,
    Repository,
    RunnerCounts,
    RunnerGroup,
    ServiceStatus,
    StatusObservation,
    Visibility,
)
from monitor.model.kubernetes import ClusterObservation, Controller, RunnerSet, ScaleSet
from monitor.model.signal import Answer, Gap, Path, Signal, UnknownCause
from monitor.model.status import PollStats, Status
from monitor.model.switch import (
    Access,
    Fence,
    GateImage,
    HistoryEntry,
    Intent,
    Outcome,
    Pause,
    Phase,
    PoolState,
    Proposal,
    Step,
    StepAction,
    StepRecord,
    SwitchKind,
)
from monitor.model.verdict import (
    OBSERVER,
    Assessment,
    Check,
    Evidence,
    Finding,
    GateState,
    Health,
    Reaction,
    Readiness,
    Severity,
    Subject,
    SubjectKind,
    Verdict,
)

NOW = 1_790_000_000.0
ORGANIZATION = "acme"
CONNECTION = "acme"
REPOSITORIES = tuple(Repository(number, f"acme/service-{number}") for number in range(1, 43))
CLUSTERS = {"east-1": "us-east", "west-1": "us-west", "north-1": "eu-north"}


def fleet(clusters: Mapping[str, str] = CLUSTERS) -> Fleet:
    """Three regions; an active/standby pool on auto, an active/active one, and one that proposes."""
    names = list(clusters)
    pools = (
        _pool("linux-x64", names, Policy(mode=Mode.AUTO), never=frozenset(names[2:])),
        _pool("linux-arm64", names[:2], Policy(mode=Mode.AUTO, serve=Serve.ALL)),
        _pool("gpu-a100", list(reversed(names[1:])), Policy(mode=Mode.PROPOSE)),
    )
    return Fleet(
        clusters={name: Cluster(name, region) for name, region in clusters.items()},
        pools={pool.name: pool for pool in pools},
        connections=(CONNECTION,),
    )


def well(at: float = NOW, a_fleet: Fleet | None = None) -> Status:
    """Nothing is wrong."""
    a_fleet = a_fleet or fleet()
    states = {name: _state(pool) for name, pool in a_fleet.pools.items()}
    gates = {
        member.name: GateState.OPEN if member.cluster in states[member.pool].open else GateState.SHUT
        for member in a_fleet.members
    }
    return Status(
        at=at,
        version="0.1.0",
        fleet=a_fleet,
        snapshot=_snapshot(at, a_fleet),
        assessment=Assessment(
            at=at,
            verdicts={subject: verdict(subject, at) for subject in _subjects(a_fleet)},
            gates=gates,
            readiness={name: _ready(name, at) for name, gate in gates.items() if gate is GateState.SHUT},
            last_job_at={name: at - 12.0 if gate is GateState.OPEN else at - 5400.0 for name, gate in gates.items()},
            listener_starts=dict.fromkeys(gates, 0),
            quiet_until=at - 3000.0,
        ),
        decisions={
            name: Decision(name, DecisionKind.NONE, "Steady", f"{name} is served as wanted.", at)
            for name in a_fleet.pools
        },
        pools=states,
        leader=True,
        switches=(ended(at),) if "linux-x64" in a_fleet.pools and "east-1" in a_fleet.clusters else (),
        history=history(at),
        polls=_polls(at, a_fleet),
    )


def conflict(at: float = NOW) -> Status:
    """The standby's listener dies of a session conflict: loud, and no reason to switch."""
    found = finding(
        "DuplicateScaleSet",
        Subject(SubjectKind.MEMBER, "linux-x64@west-1"),
        at,
        health=Health.FAILED,
        reaction=Reaction.ALERT,
        sentence="Scale set 17 is installed in east-1 and in west-1: GitHub allows one session, west-1 never gets it.",
        evidence=(
            Evidence(at - 4.0, Path.KUBERNETES, "east-1 and west-1 carry runner-scale-set-id 17 for linux-x64"),
            Evidence(at - 9.0, Path.KUBERNETES, "6 listener starts in 5 min, 6 distinct pod UIDs, restartCount 0"),
            Evidence(at - 9.0, Path.KUBERNETES, "409: runner scale set linux-x64 already has an active session"),
        ),
        hints=(
            "kubectl --context west-1 -n arc-systems get autoscalinglisteners",
            "helm --kube-context west-1 -n arc-runners upgrade linux-x64 --reuse-values --set runnerGroup=west",
        ),
    )
    status = _with_finding(well(at), found, since=at - 600.0, outranked=("ListenerCrashLoop", "StaleSession"))
    assessment = replace(
        status.assessment,
        listener_starts={**status.assessment.listener_starts, "linux-x64@west-1": 6},
        readiness={
            **status.assessment.readiness,
            "linux-x64@west-1": Readiness(
                "linux-x64@west-1",
                (
                    Check("listener", passed=False, text="restarts in a loop, 6 starts in 5 min", at=at - 9.0),
                    Check("access", passed=True, text="42 of 42 repositories, as in the active group", at=at - 15.0),
                    Check("canary", passed=None, text="no canary has run yet", at=None),
                ),
            ),
        },
    )
    decision = Decision(
        "linux-x64",
        DecisionKind.ALERT,
        found.code,
        "East-1 serves linux-x64 well; its standby west-1 can't get a session. No switch would mend that.",
        at,
        evidence=found.evidence,
        hints=found.hints,
    )
    return replace(status, assessment=assessment, decisions={**status.decisions, "linux-x64": decision})


def suspect(at: float = NOW) -> Status:
    """East fails, but not for long enough yet: the switch is wanted and blocked."""
    found = black_hole(at)
    status = well(at)
    verdicts = dict(status.assessment.verdicts)
    verdicts[found.subject] = replace(
        verdict(found.subject, at, findings=(found,)),
        seen=Health.FAILED,
        seen_since=at - 50.0,
        readings=3,
    )
    decision = Decision(
        "linux-x64",
        DecisionKind.HOLD,
        found.code,
        "linux-x64 would move from east-1 to west-1 if this lasts.",
        at,
        source=("east-1",),
        target=("west-1",),
        blocks=(Block(BlockCode.NOT_CONFIRMED, "seen for 50 s and 3 readings; needs 120 s and 4 readings", at + 70.0),),
        evidence=found.evidence,
        hints=found.hints,
    )
    return replace(
        status,
        assessment=replace(status.assessment, verdicts=verdicts),
        decisions={**status.decisions, "linux-x64": decision},
    )


def blocked(at: float = NOW) -> Status:
    """East has failed and west is not ready: a switch is wanted, blocked, and somebody paused the other pool."""
    found = black_hole(at)
    status = _with_finding(well(at), found, since=at - 400.0)
    readiness = {
        **status.assessment.readiness,
        "linux-x64@west-1": Readiness(
            "linux-x64@west-1", (Check("listener", passed=False, text="no listener pod for 12 min", at=at - 8.0),)
        ),
    }
    decision = Decision(
        "linux-x64",
        DecisionKind.HOLD,
        found.code,
        "linux-x64 should leave east-1, but nothing is ready to take over. East-1 stays open.",
        at,
        source=("east-1",),
        target=("west-1",),
        blocks=(Block(BlockCode.NO_READY_TARGET, "west-1: no listener pod for 12 min"),),
        evidence=found.evidence,
        hints=("arc-monitor explain linux-x64@west-1",),
    )
    return replace(
        status,
        assessment=replace(status.assessment, readiness=readiness),
        decisions={**status.decisions, "linux-x64": decision},
        pauses=(Pause("gpu-a100", "kim", "driver upgrade in north-1", at - 1800.0, at + 5400.0),),
    )


def proposed(at: float = NOW) -> Status:
    """A proposal for the pool whose mode is propose."""
    subject = Subject(SubjectKind.MEMBER, "gpu-a100@north-1")
    found = finding("RunnersPending", subject, at, health=Health.FAILED, reaction=Reaction.SWITCH_MEMBER)
    status = _with_finding(well(at), found, since=at - 300.0)
    proposal = Proposal(
        "p-01", "gpu-a100", ("north-1",), ("west-1",), found.code, "Move gpu-a100 to west-1?", at - 60.0, at + 1740.0
    )
    decision = Decision(
        "gpu-a100",
        DecisionKind.PROPOSE,
        found.code,
        "gpu-a100 should move from north-1 to west-1; a person decides.",
        at,
        source=("north-1",),
        target=("west-1",),
        evidence=found.evidence,
        proposal="p-01",
    )
    return replace(status, decisions={**status.decisions, "gpu-a100": decision}, proposals=(proposal,))


def switching(at: float = NOW) -> Status:
    """The failover of linux-x64 is running: west is open, east is being shut."""
    found = black_hole(at)
    status = _with_finding(well(at), found, since=at - 180.0)
    intent = running(at)
    states = {
        **status.pools,
        "linux-x64": PoolState(
            "linux-x64",
            8,
            ("west-1",),
            (Fence("east-1", intent.id, intent.created_at, found.sentence),),
            Phase.SHUTTING,
            intent.id,
        ),
    }
    decision = Decision(
        "linux-x64",
        DecisionKind.SWITCH,
        found.code,
        "linux-x64 moves from east-1 to west-1: east-1 takes jobs that it can't run.",
        at,
        source=("east-1",),
        target=("west-1",),
        evidence=found.evidence,
    )
    gates = {**status.assessment.gates, "linux-x64@west-1": GateState.OPEN}
    return replace(
        status,
        assessment=replace(status.assessment, gates=gates),
        decisions={**status.decisions, "linux-x64": decision},
        pools=states,
        running=(intent,),
        switches=(*status.switches, intent),
    )


def blind(at: float = NOW) -> Status:
    """Most paths do not answer: it is us."""
    found = finding(
        "ObserverBlind",
        OBSERVER,
        at,
        health=Health.BLIND,
        reaction=Reaction.HOLD,
        sentence="3 of 4 paths do not answer from here, while GitHub still counts jobs: our own network fails.",
        evidence=(Evidence(at - 3.0, Path.GITHUB, "14 jobs started in the last 2 min in clusters we can't reach"),),
        hints=("check the daemon's proxy and DNS",),
    )
    status = _with_finding(well(at), found, since=at - 40.0)
    verdicts = dict(status.assessment.verdicts)
    clusters = dict(status.snapshot.clusters)
    for name in status.fleet.clusters:
        subject = Subject(SubjectKind.CLUSTER, name)
        verdicts[subject] = replace(
            verdict(subject, at),
            health=Health.BLIND,
            since=at - 40.0,
            seen=Health.BLIND,
            seen_since=at - 40.0,
            signals=(Signal(Path.KUBERNETES, Answer.UNREACHABLE, at - 6.0, "connect timed out after 10 s"),),
            unknown=("kubernetes",),
        )
        clusters[name] = ClusterObservation(
            name,
            at - 6.0,
            Signal(Path.KUBERNETES, Answer.UNREACHABLE, at - 6.0, "connect timed out after 10 s"),
            gaps=(Gap("listener_pods", "connect timed out after 10 s", UnknownCause.LOCAL),),
        )
    for member in status.fleet.members:
        subject = Subject(SubjectKind.MEMBER, member.name)
        verdicts[subject] = replace(
            verdicts[subject], health=Health.BLIND, since=at - 40.0, seen=Health.BLIND, unknown=("kubernetes",)
        )
    decisions = {
        name: Decision(name, DecisionKind.HOLD, found.code, "Nothing is switched while we can't see.", at)
        for name in status.fleet.pools
    }
    return replace(
        status,
        assessment=replace(status.assessment, verdicts=verdicts, quiet_until=at + 30.0),
        snapshot=replace(status.snapshot, clusters=clusters),
        decisions=decisions,
    )


def github_down(at: float = NOW) -> Status:
    """GitHub has an incident and every queue grows."""
    found = finding(
        "GitHubUnwell",
        Subject(SubjectKind.GITHUB, CONNECTION),
        at,
        health=Health.FAILED,
        reaction=Reaction.HOLD,
        sentence="GitHub reports a major outage of Actions; every region waits alike.",
        evidence=(Evidence(at - 20.0, Path.STATUS, "Actions: major_outage, incident 'Delays starting jobs'"),),
        hints=("wait; do not restart listeners: they come back by themselves",),
    )
    status = _with_finding(well(at), found, since=at - 200.0)
    page = StatusObservation(
        at - 20.0,
        Signal(Path.STATUS, Answer.BAD, at - 20.0),
        {"Actions": ServiceStatus.MAJOR_OUTAGE, "API Requests": ServiceStatus.OPERATIONAL},
        ("Delays starting jobs",),
    )
    decisions = {
        name: Decision(name, DecisionKind.HOLD, found.code, "Holds while GitHub is unwell.", at)
        for name in status.fleet.pools
    }
    return replace(status, snapshot=replace(status.snapshot, status=page), decisions=decisions)


def hostile(text: str, at: float = NOW) -> Status:
    """A status whose names and sentences are all ``text`` where a name may be anything."""
    base = _pool(text, ["east-1", "west-1"], Policy(mode=Mode.AUTO))
    a_fleet = replace(fleet(), pools={text: base})
    status = well(at, a_fleet)
    found = finding(
        text,
        Subject(SubjectKind.MEMBER, f"{text}@east-1"),
        at,
        health=Health.FAILED,
        reaction=Reaction.ALERT,
        sentence=text,
        evidence=(Evidence(at, Path.KUBERNETES, text),),
        hints=(text,),
    )
    return _with_finding(status, found, since=at)


def large(clusters: int, pools: int = 10, at: float = NOW) -> Status:
    """A fleet of many clusters, each with ``pools`` members; pools are pairs of neighbouring clusters."""
    names = [f"c{number:04}" for number in range(clusters)]
    built = [
        _pool(f"pool-{index:04}-{number}", [names[index], names[index + 1]], Policy(mode=Mode.AUTO))
        for index in range(0, clusters - 1, 2)
        for number in range(pools)
    ]
    a_fleet = Fleet(
        clusters={name: Cluster(name, f"region-{index % 20}") for index, name in enumerate(names)},
        pools={pool.name: pool for pool in built},
        connections=(CONNECTION,),
    )
    return well(at, a_fleet)


def verdict(subject: Subject, at: float, *, findings: tuple[Finding, ...] = ()) -> Verdict:
    """A verdict that has been healthy for long."""
    return Verdict(
        subject,
        Health.HEALTHY,
        at - 86400.0,
        Health.HEALTHY,
        at - 86400.0,
        5760,
        findings,
        signals=_signals(subject, at),
    )


def finding(
    code: str,
    subject: Subject,
    at: float,
    *,
    health: Health = Health.DEGRADED,
    reaction: Reaction = Reaction.ALERT,
    severity: Severity = Severity.PAGE,
    sentence: str = "Something is wrong.",
    evidence: tuple[Evidence, ...] = (),
    hints: tuple[str, ...] = (),
) -> Finding:
    """A finding."""
    return Finding(
        code,
        subject,
        health,
        reaction,
        severity,
        sentence,
        evidence or (Evidence(at - 5.0, Path.KUBERNETES, "seen"),),
        "one fresh reading without it",
        hints,
        since=at - 120.0,
        impact=reaction.switches,
    )


def black_hole(at: float) -> Finding:
    """East takes jobs that it can't run."""
    return finding(
        "RunnersPending",
        Subject(SubjectKind.MEMBER, "linux-x64@east-1"),
        at,
        health=Health.FAILED,
        reaction=Reaction.SWITCH_MEMBER,
        sentence="East-1 keeps winning linux-x64 jobs but its runner pods stay Pending: no node has room.",
        evidence=(
            Evidence(at - 6.0, Path.KUBERNETES, "14 of 16 ephemeral runners pending, oldest for 4 min 10 s"),
            Evidence(at - 11.0, Path.GITHUB, "9 queued jobs for linux-x64, oldest waits 6 min 2 s"),
        ),
        hints=("kubectl --context east-1 -n arc-runners get pods --field-selector=status.phase=Pending",),
    )


def running(at: float) -> Intent:
    """A failover of linux-x64 with two of four steps done."""
    west, east = _gate("west-1"), _gate("east-1")
    return Intent(
        id="20260921T142211-7f3a",
        kind=SwitchKind.FAILOVER,
        pools=("linux-x64",),
        epochs={"linux-x64": 8},
        source=("east-1",),
        target=("west-1",),
        automatic=True,
        by="arc-monitor",
        reason="East-1 takes jobs that it can't run.",
        code="RunnersPending",
        order=Order.MAKE_BEFORE_BREAK,
        steps=(
            Step("open acme/west-1", StepAction.OPEN, west, ("linux-x64@west-1",)),
            Step("verify open acme/west-1", StepAction.VERIFY, west, ("linux-x64@west-1",)),
            Step("shut acme/east-1", StepAction.SHUT, east, ("linux-x64@east-1",)),
            Step("verify shut acme/east-1", StepAction.VERIFY, east, ("linux-x64@east-1",)),
        ),
        access=Access(Visibility.SELECTED, REPOSITORIES),
        before=(image(west, 12, ()), image(east, 11, REPOSITORIES)),
        created_at=at - 21.0,
        phase=Phase.SHUTTING,
        records=(
            StepRecord(
                "open acme/west-1",
                at - 19.0,
                "42 of 42 repositories reach the group",
                ("PUT /orgs/acme/actions/runner-groups/12/repositories -> 204 (request C0DE:1A2B)",),
            ),
            StepRecord("verify open acme/west-1", at - 7.0, "a job started on runner linux-x64-8x2kq in west-1"),
        ),
    )


def ended(at: float, outcome: Outcome = Outcome.DONE) -> Intent:
    """Last week's failback."""
    started = at - 6 * 86400.0
    full = running(started)
    return replace(
        full,
        id="20260915T081530-11aa",
        kind=SwitchKind.FAILBACK,
        source=("west-1",),
        target=("east-1",),
        automatic=False,
        by="sam",
        reason="east-1 has been rebuilt",
        code="Requested",
        phase=Phase.STABLE,
        records=tuple(
            StepRecord(step.name, full.created_at + 5.0 * number, "done") for number, step in enumerate(full.steps)
        ),
        outcome=outcome,
        finished_at=full.created_at + 41.0,
    )


def history(at: float) -> tuple[HistoryEntry, ...]:
    """Newest first."""
    return (
        HistoryEntry(at - 3600.0, "gpu-a100", "unpaused", "Automation is on again.", by="kim"),
        HistoryEntry(
            at - 6 * 86400.0 + 41.0,
            "linux-x64",
            "failback done",
            "linux-x64 moved from west-1 to east-1 in 41 s.",
            "20260915T081530-11aa",
            "sam",
        ),
    )


def image(gate: GateRef, group_id: int, repositories: tuple[Repository, ...]) -> GateImage:
    """A gate as it was read."""
    return GateImage(
        gate,
        group_id,
        Visibility.SELECTED,
        allows_public_repositories=False,
        restricted_to_workflows=False,
        selected_workflows=(),
        repositories=repositories,
        at=NOW - 30.0,
    )


def _with_finding(status: Status, found: Finding, *, since: float, outranked: tuple[str, ...] = ()) -> Status:
    verdicts = dict(status.assessment.verdicts)
    verdicts[found.subject] = replace(
        verdicts[found.subject],
        health=found.health,
        since=since,
        seen=found.health,
        seen_since=since - 120.0,
        readings=12,
        findings=(found,),
        outranked=outranked,
    )
    return replace(status, assessment=replace(status.assessment, verdicts=verdicts))


def _gate(group: str) -> GateRef:
    return GateRef(GateStrategy.RUNNER_GROUP_ACCESS, CONNECTION, ORGANIZATION, group)


def _pool(name: str, clusters: list[str], policy: Policy, never: frozenset[str] = frozenset()) -> Pool:
    members = tuple(Member(name, cluster, name, _gate(cluster), eligible=cluster not in never) for cluster in clusters)
    return Pool(name, CONNECTION, ORGANIZATION, members, policy)


def _state(pool: Pool) -> PoolState:
    clusters = tuple(member.cluster for member in pool.members)
    return PoolState(pool.name, 7, clusters if pool.policy.serve is Serve.ALL else clusters[:1])


def _subjects(a_fleet: Fleet) -> list[Subject]:
    return [
        OBSERVER,
        *(Subject(SubjectKind.GITHUB, name) for name in a_fleet.connections),
        *(Subject(SubjectKind.CLUSTER, name) for name in a_fleet.clusters),
        *(Subject(SubjectKind.POOL, name) for name in a_fleet.pools),
        *(Subject(SubjectKind.MEMBER, member.name) for member in a_fleet.members),
    ]


def _signals(subject: Subject, at: float) -> tuple[Signal, ...]:
    github = Signal(Path.GITHUB, Answer.OK, at - 4.0, "", took=0.12)
    kubernetes = Signal(Path.KUBERNETES, Answer.OK, at - 6.0, "", took=0.04)
    status = Signal(Path.STATUS, Answer.OK, at - 31.0, "all components operational", took=0.2)
    return {
        SubjectKind.MEMBER: (kubernetes, github),
        SubjectKind.CLUSTER: (kubernetes,),
        SubjectKind.GITHUB: (github, status),
        SubjectKind.POOL: (github,),
        SubjectKind.OBSERVER: (),
    }[subject.kind]


def _ready(name: str, at: float) -> Readiness:
    return Readiness(
        name,
        (
            Check("listener", passed=True, text="one listener, running for 3 days", at=at - 6.0),
            Check("access", passed=True, text="42 of 42 repositories, as in the active group", at=at - 15.0),
        ),
    )


def _snapshot(at: float, a_fleet: Fleet) -> Snapshot:
    groups = {
        group: RunnerGroup(number, group, Visibility.SELECTED, repositories=REPOSITORIES)
        for number, group in enumerate(a_fleet.clusters, start=11)
    }
    return Snapshot(
        at=at,
        observer=ObserverObservation(started_at=at - 200_000.0, led_since=at - 199_000.0, cycle_late=0.002),
        clusters={name: _cluster(name, at, a_fleet) for name in a_fleet.clusters},
        github={
            CONNECTION: GitHubObservation(
                CONNECTION,
                at - 4.0,
                Signal(Path.GITHUB, Answer.OK, at - 4.0, took=0.12),
                groups=groups,
                runners={name: RunnerCounts(name, 8, 5, 0) for name in groups},
                queue={"linux-x64": QueuedJobs("linux-x64", 2, at - 14.0)},
                budget=RateBudget(5000, 4876, at + 1800.0),
                skew=0.2,
            )
        },
        status=StatusObservation(
            at - 31.0,
            Signal(Path.STATUS, Answer.OK, at - 31.0),
            {"Actions": ServiceStatus.OPERATIONAL, "API Requests": ServiceStatus.OPERATIONAL},
        ),
    )


def _cluster(name: str, at: float, a_fleet: Fleet) -> ClusterObservation:
    members = a_fleet.members_of(name)
    return ClusterObservation(
        name,
        at - 6.0,
        Signal(Path.KUBERNETES, Answer.OK, at - 6.0, took=0.04),
        scale_sets=tuple(
            ScaleSet(
                member.pool,
                "arc-runners",
                f"uid-{member.name}",
                at - 900_000.0,
                17 + number,
                member.scale_set,
                name,
                name,
                "https://github.com/acme",
                "Running",
                "0.14.1",
                0,
                40,
            )
            for number, member in enumerate(members)
        ),
        listeners=(),
        listener_pods=(),
        listener_starts=(),
        runner_sets=tuple(
            RunnerSet(f"{member.pool}-x", "arc-runners", member.pool, 5, 5, 0, 5, 0) for member in members
        ),
        controllers=(Controller("arc-gha-rs-controller", "arc-systems", "0.14.1", 1, 1),),
    )


def _polls(at: float, a_fleet: Fleet) -> dict[str, PollStats]:
    targets = [f"cluster/{name}" for name in a_fleet.clusters] + [f"github/{CONNECTION}", "status-page"]
    return {target: PollStats(target, 13_000, 2, 0, at - 6.0, at - 6.0, 0.04, 0.001) for target in targets}
