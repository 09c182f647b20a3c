"""The planning half of acting. Pure: an intent is computed, then its next step, from values alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from monitor.decide.moves import Moving
from monitor.decide.phases import Event, move
from monitor.model.fleet import Fleet, GateRef, Order
from monitor.model.github import Visibility
from monitor.model.switch import (
    Access,
    Fence,
    GateImage,
    Intent,
    Phase,
    PoolState,
    Step,
    StepAction,
    StepRecord,
    SwitchKind,
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Who wants a switch, and why."""

    kind: SwitchKind
    by: str
    reason: str
    code: str
    automatic: bool
    undoes: str = ""


def build(
    intent_id: str,
    fleet: Fleet,
    states: Mapping[str, PoolState],
    wanted: Moving,
    cause: Cause,
    access: Access,
    before: tuple[GateImage, ...],
    now: float,
) -> Intent:
    """Write a switch down as an intent: ordered steps, new epochs, and every gate as it was before."""
    order = _order(fleet, wanted)
    return Intent(
        id=intent_id,
        kind=cause.kind,
        pools=wanted.pools,
        epochs={pool: states[pool].epoch + 1 for pool in wanted.pools},
        source=wanted.source,
        target=wanted.target,
        automatic=cause.automatic,
        by=cause.by,
        reason=cause.reason,
        code=cause.code,
        order=order,
        steps=_steps(fleet, wanted, order),
        access=access,
        before=before,
        created_at=now,
        phase=move(Phase.STABLE, Event.BEGUN, order) if wanted.opens else Phase.SHUTTING,
        undoes=cause.undoes,
    )


def desired(intent: Intent, state: PoolState) -> PoolState:
    """The pool's state once the intent is written down: next epoch, other clusters open, the left one fenced or not.

    A planned switch parks its source, a forced one fences it: a parked member may be a target again at any time.
    """
    fenced = intent.kind in {SwitchKind.FAILOVER, SwitchKind.DRAIN}
    fences = tuple(fence for fence in state.fences if fence.cluster not in {*intent.target, *intent.source})
    if fenced:
        fences += tuple(Fence(cluster, intent.id, intent.created_at, intent.reason) for cluster in intent.source)
    return replace(
        state,
        epoch=intent.epochs[state.pool],
        open=tuple(sorted(({*state.open} - {*intent.source}) | {*intent.target})),
        fences=fences,
        phase=intent.phase,
        intent=intent.id,
        reverts=0,
    )


def restored(intent: Intent, state: PoolState) -> PoolState:
    """The pool's state when the intent was rolled back: what was open is meant to be open again."""
    return replace(
        state,
        open=tuple(sorted(({*state.open} - {*intent.target}) | {*intent.source})),
        fences=tuple(fence for fence in state.fences if fence.intent != intent.id),
        phase=Phase.STABLE,
        intent="",
    )


def current_step(intent: Intent) -> Step | None:
    """The first step that is not recorded as done; None when all are."""
    return next((step for step in intent.steps if step.name not in intent.finished), None)


def recorded(intent: Intent, step: Step, text: str, calls: tuple[str, ...], now: float) -> Intent:
    """The intent with one more step done, in the phase that follows from the table."""
    after = replace(intent, records=(*intent.records, StepRecord(step.name, now, text, calls)))
    following = current_step(after)
    if following is not None and following.action is step.action:
        return after
    return replace(after, phase=_phase_after(after, step, following))


def verified(intent: Intent, last_job_at: Mapping[str, float | None], step: Step) -> str:
    """Which of the step's members was seen to start a job after its gate opened; empty when none was."""
    opened = opened_at(intent)
    for member in step.members:
        at = last_job_at.get(member)
        if at is not None and at > opened:
            return member
    return ""


def opened_at(intent: Intent) -> float:
    """When the last target gate was read back open; when the intent began if it opens none."""
    opens = {step.name for step in intent.steps if step.action is StepAction.OPEN}
    return max((record.at for record in intent.records if record.step in opens), default=intent.created_at)


def merged(accesses: tuple[Access, ...]) -> Access:
    """One access that covers all of them; the widest visibility wins."""
    width = [Visibility.SELECTED, Visibility.PRIVATE, Visibility.ALL]
    visibility = max((access.visibility for access in accesses), key=width.index, default=Visibility.SELECTED)
    repositories = {repository for access in accesses for repository in access.repositories}
    return Access(visibility, tuple(sorted(repositories)))


def before_image(intent: Intent, gate: GateRef) -> GateImage:
    """The gate as it was before the first write of the intent."""
    return next(image for image in intent.before if image.gate == gate)


def canaries(fleet: Fleet, gate: GateRef) -> frozenset[str]:
    """Full names of the repositories that stay let in when the gate is shut."""
    pools = {member.pool for member in fleet.sharing(gate)}
    return frozenset(name for pool in pools for name in fleet.pools[pool].canary_repositories)


def _order(fleet: Fleet, wanted: Moving) -> Order:
    """Fence first as soon as one of the pools asks for it: it is the stricter order."""
    orders = {fleet.pools[pool].policy.order for pool in wanted.pools}
    return Order.FENCE_FIRST if Order.FENCE_FIRST in orders else Order.MAKE_BEFORE_BREAK


def _steps(fleet: Fleet, wanted: Moving, order: Order) -> tuple[Step, ...]:
    pools = frozenset(wanted.pools)
    named: Callable[[StepAction, GateRef], Step] = lambda action, gate: Step(  # noqa: E731 - three uses, one shape
        name=f"{action} {gate}",
        action=action,
        gate=gate,
        members=tuple(member.name for member in fleet.sharing(gate) if member.pool in pools),
    )
    opens = [named(StepAction.OPEN, gate) for gate in wanted.opens]
    shuts = [named(StepAction.SHUT, gate) for gate in wanted.shuts]
    proofs = [named(StepAction.VERIFY, gate) for gate in wanted.opens]
    first, second = (shuts, opens) if order is Order.FENCE_FIRST else (opens, shuts)
    return (*first, *second, *proofs)


def _phase_after(intent: Intent, step: Step, following: Step | None) -> Phase:
    if step.action is StepAction.VERIFY or following is None:
        return intent.phase
    event = Event.OPENED if step.action is StepAction.OPEN else Event.SHUT
    return move(intent.phase, event, intent.order)
