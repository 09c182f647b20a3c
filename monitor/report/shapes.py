"""The shapes of the status document: what ``/api/v1/status`` answers and what the CLI reads from the store.

Field names are stable: fields are added, never renamed. Every field is always present. A value that is not known is
null, never zero and never an empty list. Times are seconds since the epoch, durations are seconds. There are no
secrets in here, and none may be added: the document is served to anybody who can reach the port.
"""

from msgspec import Struct

SCHEMA = 1


class EvidenceDoc(Struct, frozen=True):
    """One observed fact, when it was true, and the path it came by."""

    at: float
    path: str
    text: str


class FindingDoc(Struct, frozen=True):
    """One named fault. ``runbook`` is the page's path below the repository's root."""

    code: str
    kind: str
    subject: str
    health: str
    reaction: str
    severity: str
    sentence: str
    evidence: list[EvidenceDoc]
    would_change: str
    hints: list[str]
    since: float | None
    impact: bool
    runbook: str


class SignalDoc(Struct, frozen=True):
    """The newest answer on one path; ``took`` is how long the probe needed."""

    path: str
    answer: str
    at: float
    detail: str
    cause: str
    took: float


class RunDoc(Struct, frozen=True):
    """Readings that would turn the verdict if they go on.

    ``readings`` of ``needed`` have been seen; the time that must pass as well is over at ``due_at``.
    """

    towards: str
    readings: int
    needed: int
    since: float
    due_at: float


class VerdictDoc(Struct, frozen=True):
    """What is held of a subject and why. The first finding is the chosen one; ``outranked`` are codes it outranks."""

    health: str
    since: float
    seen: str
    seen_since: float
    readings: int
    run: RunDoc | None
    findings: list[FindingDoc]
    outranked: list[str]
    signals: list[SignalDoc]
    unknown: list[str]


class GapDoc(Struct, frozen=True):
    """A part of an observation that could not be read, and why; ``source`` is the target of the poll."""

    source: str
    part: str
    reason: str
    cause: str


class ObserverDoc(Struct, frozen=True):
    """How well we see and keep time ourselves. No switch begins before ``quiet_until``."""

    verdict: VerdictDoc
    started_at: float
    led_since: float | None
    quiet_until: float | None
    cycle_late: float
    clock_jump: float
    store_writable: bool
    store_reason: str
    gaps: list[GapDoc]


class BudgetDoc(Struct, frozen=True):
    """GitHub's primary rate limit as the newest answer told it."""

    limit: int
    remaining: int
    reset_at: float


class RunnersDoc(Struct, frozen=True):
    """Runners of one group as GitHub lists them."""

    online: int
    busy: int
    offline: int


class GroupDoc(Struct, frozen=True):
    """A runner group that pools use; ``repositories`` counts its access list, null when that was not read."""

    name: str
    visibility: str | None
    repositories: int | None
    runners: RunnersDoc | None
    members: list[str]


class ConnectionDoc(Struct, frozen=True):
    """One GitHub connection. ``skew`` is our clock minus GitHub's."""

    name: str
    verdict: VerdictDoc
    budget: BudgetDoc | None
    skew: float | None
    version: str
    groups: list[GroupDoc]


class ComponentDoc(Struct, frozen=True):
    """One watched component of GitHub's status page."""

    name: str
    state: str


class StatusPageDoc(Struct, frozen=True):
    """GitHub's own word on its health."""

    at: float
    answer: str
    detail: str
    components: list[ComponentDoc]
    incidents: list[str]


class CheckDoc(Struct, frozen=True):
    """One readiness check; ``passed`` null means not known, which is not ready."""

    name: str
    passed: bool | None
    text: str
    at: float | None


class FenceDoc(Struct, frozen=True):
    """Why and since when a member is kept shut; ``intent`` is the switch that shut it."""

    intent: str
    since: float
    reason: str


class QueueDoc(Struct, frozen=True):
    """Jobs of the sentinel repositories that wait for this scale set's name."""

    count: int
    oldest_at: float | None
    urls: list[str]


class RunnerSetDoc(Struct, frozen=True):
    """ARC's own counters of the member's ephemeral runners, summed over its EphemeralRunnerSets."""

    desired: int
    current: int
    pending: int
    running: int
    failed: int


class MemberDoc(Struct, frozen=True):
    """A pool in a cluster: what is wanted of it beside what is.

    ``role`` is ``active``, ``standby``, ``fenced`` or ``never`` (never a switch's target). ``wanted`` is ``open``,
    ``shut`` or null while nothing is desired yet; ``actual`` is ``open``, ``shut``, ``partial`` or ``unknown``.
    ``differs`` is true when both are known and unlike. ``ready`` is null when readiness was not assessed.
    """

    name: str
    pool: str
    cluster: str
    region: str
    scale_set: str
    group: str
    gate: str
    role: str
    verdict: VerdictDoc
    wanted: str | None
    actual: str
    differs: bool
    ready: bool | None
    checks: list[CheckDoc]
    fence: FenceDoc | None
    last_job_at: float | None
    listener_starts: int | None
    runners: RunnersDoc | None
    runner_set: RunnerSetDoc | None
    queue: QueueDoc | None


class BlockDoc(Struct, frozen=True):
    """One condition that keeps a wanted switch from beginning; ``clears_at`` null: time alone does not clear it."""

    code: str
    sentence: str
    clears_at: float | None


class DecisionDoc(Struct, frozen=True):
    """What is decided for a pool at one instant."""

    kind: str
    code: str
    sentence: str
    at: float
    source: list[str]
    target: list[str]
    scope: list[str]
    blocks: list[BlockDoc]
    evidence: list[EvidenceDoc]
    hints: list[str]
    proposal: str


class OutlookDoc(Struct, frozen=True):
    """What happens next, in one sentence, and when at the earliest; null when no instant is known."""

    sentence: str
    at: float | None


class PoolDoc(Struct, frozen=True):
    """A pool. ``epoch`` is null while nothing is desired of it yet; ``cooldown_until`` null means none runs."""

    name: str
    connection: str
    organization: str
    mode: str
    serve: str
    order: str
    phase: str
    epoch: int | None
    reverts: int
    open: list[str]
    intent: str
    decision: DecisionDoc | None
    outlook: OutlookDoc
    verdict: VerdictDoc | None
    members: list[MemberDoc]
    cooldown_until: float | None
    switches_today: int
    switches_allowed: int


class ScaleSetDoc(Struct, frozen=True):
    """An AutoscalingRunnerSet as the cluster shows it."""

    name: str
    namespace: str
    id: int | None
    scale_set: str
    group: str
    phase: str
    version: str
    min_runners: int
    max_runners: int | None


class ControllerDoc(Struct, frozen=True):
    """An ARC controller Deployment."""

    name: str
    namespace: str
    version: str
    wanted: int
    ready: int


class ClusterDoc(Struct, frozen=True):
    """A cluster. ``scale_sets`` and ``controllers`` are null when they could not be read."""

    name: str
    region: str
    verdict: VerdictDoc
    members: list[str]
    serves: list[str]
    scale_sets: list[ScaleSetDoc] | None
    controllers: list[ControllerDoc] | None
    listener_starts: int | None
    observed_at: float | None
    gaps: list[GapDoc]


class RegionDoc(Struct, frozen=True):
    """Clusters that live and die together; ``health`` is the worst of theirs, ``serves`` the pools open here."""

    name: str
    health: str
    serves: list[str]
    clusters: list[ClusterDoc]


class StepDoc(Struct, frozen=True):
    """One step of a switch; ``state`` is ``done``, ``current`` or ``to do`` (``left out`` once the switch ended)."""

    name: str
    action: str
    gate: str
    members: list[str]
    state: str
    at: float | None
    text: str
    calls: list[str]


class SwitchDoc(Struct, frozen=True):
    """A switch, running or ended. ``outcome`` and ``finished_at`` are null while it runs."""

    id: str
    kind: str
    pools: list[str]
    source: list[str]
    target: list[str]
    automatic: bool
    by: str
    reason: str
    code: str
    order: str
    phase: str
    created_at: float
    finished_at: float | None
    outcome: str | None
    undoes: str
    note: str
    steps: list[StepDoc]


class PauseDoc(Struct, frozen=True):
    """Automation frozen by somebody; ``pool`` empty means every pool."""

    pool: str
    owner: str
    reason: str
    since: float
    until: float
    active: bool


class ProposalDoc(Struct, frozen=True):
    """A switch that waits for a person."""

    id: str
    pool: str
    source: list[str]
    target: list[str]
    code: str
    sentence: str
    created_at: float
    expires_at: float
    denied_by: str
    open: bool


class HistoryDoc(Struct, frozen=True):
    """One line of history."""

    at: float
    pool: str
    what: str
    sentence: str
    intent: str
    by: str


class PollDoc(Struct, frozen=True):
    """How the polls of one target have gone since start."""

    target: str
    polls: int
    failures: int
    skipped: int
    last_at: float | None
    last_success_at: float | None
    last_took: float
    late: float


class HeadlineDoc(Struct, frozen=True):
    """The first glance.

    ``whose`` says where the trouble lies: ``nobody``, ``us`` (our clusters), ``github`` or ``observer`` (this daemon).
    ``level`` is ``ok``, ``busy`` (a switch runs), ``warn``, ``bad`` or ``blind``.
    """

    level: str
    whose: str
    title: str
    sentence: str


class StatusDocument(Struct, frozen=True):
    """Everything that one cycle left behind, for people and programs."""

    schema: int
    at: float
    version: str
    leader: bool
    cycle: float
    headline: HeadlineDoc
    observer: ObserverDoc
    github: list[ConnectionDoc]
    status_page: StatusPageDoc | None
    regions: list[RegionDoc]
    pools: list[PoolDoc]
    running: list[SwitchDoc]
    switches: list[SwitchDoc]
    pauses: list[PauseDoc]
    proposals: list[ProposalDoc]
    history: list[HistoryDoc]
    polls: list[PollDoc]
