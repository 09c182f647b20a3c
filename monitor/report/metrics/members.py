"""Members: gates wanted beside actual, listeners, readiness, runners."""

from monitor.model.fleet import Member
from monitor.model.status import Status
from monitor.model.verdict import GateState, Readiness
from monitor.report.metrics.definition import Samples, gauge
from monitor.report.pools import runner_set, wanted_gate

GATE_WANTED = gauge(
    "gate_wanted", "1 if the gate is meant to be open, 0 if shut; absent while nothing is desired.", "pool", "cluster"
)
GATE_OPEN = gauge(
    "gate_open",
    "1 if the gate lets jobs through (all or some), 0 if it is shut; absent when it could not be read.",
    "pool",
    "cluster",
)
GATE_DIFFERS = gauge(
    "gate_differs", "1 if the gate is not as wanted, else 0; absent when either is not known.", "pool", "cluster"
)
FENCED = gauge("fenced", "1 for a member kept shut since a switch, until a person clears it.", "pool", "cluster")
LISTENER_STARTS = gauge(
    "listener_starts", "Listener starts within the churn window, counted by pod UID.", "pool", "cluster"
)
READY = gauge("member_ready", "1 if the member could take over now, else 0; not known counts as 0.", "pool", "cluster")
READY_CHECK = gauge(
    "member_ready_check",
    "1 if the readiness check passed, 0 if not; absent when not known.",
    "pool",
    "cluster",
    "check",
)
READY_AT = gauge(
    "member_ready_timestamp_seconds", "Time of the oldest evidence behind readiness, epoch seconds.", "pool", "cluster"
)
LAST_JOB = gauge(
    "last_job_timestamp_seconds",
    "When a job was last seen to start in the member, epoch seconds; absent if none was.",
    "pool",
    "cluster",
)
EPHEMERAL = gauge(
    "ephemeral_runners",
    "ARC's own count of a member's ephemeral runners by state: desired, pending, running, failed; absent if not read.",
    "pool",
    "cluster",
    "state",
)
UNFILLED = gauge(
    "unfilled_runners",
    "Runners that the listener asked for less those that run (assigned minus running); absent if not read.",
    "pool",
    "cluster",
)

METRICS = (
    GATE_WANTED,
    GATE_OPEN,
    GATE_DIFFERS,
    FENCED,
    LISTENER_STARTS,
    READY,
    READY_CHECK,
    READY_AT,
    LAST_JOB,
    EPHEMERAL,
    UNFILLED,
)


def samples(status: Status) -> Samples:
    """Samples about every member."""
    assessment = status.assessment
    for member in status.fleet.members:
        yield from _gate(status, member)
        where = (member.pool, member.cluster)
        if (starts := assessment.listener_starts.get(member.name)) is not None:
            yield LISTENER_STARTS(*where, value=starts)
        if readiness := assessment.readiness.get(member.name):
            yield from _readiness(where, readiness)
        if (last_job := assessment.last_job_at.get(member.name)) is not None:
            yield LAST_JOB(*where, value=last_job)
        yield from _runners(status, member)


def _gate(status: Status, member: Member) -> Samples:
    where = (member.pool, member.cluster)
    state = status.pools.get(member.pool)
    wanted = wanted_gate(member, state)
    actual = status.assessment.gates.get(member.name, GateState.UNKNOWN)
    known = actual is not GateState.UNKNOWN
    if wanted is not None:
        yield GATE_WANTED(*where, value=wanted == GateState.OPEN)
    if known:
        yield GATE_OPEN(*where, value=actual is not GateState.SHUT)
    if known and wanted is not None:
        yield GATE_DIFFERS(*where, value=wanted != actual)
    if state is not None and member.cluster in state.fenced:
        yield FENCED(*where, value=1)


def _readiness(where: tuple[str, str], readiness: Readiness) -> Samples:
    yield READY(*where, value=readiness.ready)
    for check in readiness.checks:
        if check.passed is not None:
            yield READY_CHECK(*where, check.name, value=check.passed)
    times = [check.at for check in readiness.checks if check.at is not None]
    if times:
        yield READY_AT(*where, value=min(times))


def _runners(status: Status, member: Member) -> Samples:
    counters = runner_set(status, member)
    if counters is None:
        return
    where = (member.pool, member.cluster)
    yield EPHEMERAL(*where, "desired", value=counters.desired)
    yield EPHEMERAL(*where, "pending", value=counters.pending)
    yield EPHEMERAL(*where, "running", value=counters.running)
    yield EPHEMERAL(*where, "failed", value=counters.failed)
    yield UNFILLED(*where, value=counters.desired - counters.running)
