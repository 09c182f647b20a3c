"""Carries intents out: level-triggered, one step at a time, each written down before and after.

A step is: read the gate, compare, send only what differs, read it back, record it. Killed anywhere, the next process
reads the same intent from the store and the gates from GitHub, and goes on from what it finds. No request is retried
inside the HTTP client; a failed step is simply not recorded and comes round again with the next cycle.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from monitor.act import plan
from monitor.act.plan import Cause
from monitor.decide.moves import Moving
from monitor.decide.phases import Event, move
from monitor.model.errors import Conflict, Permanent, Refused, Transient, Unauthorised
from monitor.model.fleet import Fleet, GateRef, GateStrategy, Mode
from monitor.model.ports import Call, Clock, Gate, Lease, Store
from monitor.model.switch import (
    Access,
    GateImage,
    HistoryEntry,
    Intent,
    Outcome,
    Phase,
    Step,
    StepAction,
)
from monitor.model.verdict import Assessment, Check, Health

log = structlog.get_logger(__name__)

LEASE_MARGIN = 2.0
"""Seconds by which the lease must outlive a request's timeout before the request is sent."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a switch would do: the intent as it would be written down, and the exact calls, gate by gate."""

    intent: Intent
    calls: tuple[tuple[GateRef, Call], ...]


class Executor:
    """Drives GitHub to what is desired. Only the leader has one that sends."""

    def __init__(
        self, fleet: Fleet, store: Store, gates: Mapping[GateStrategy, Gate], lease: Lease, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._store = store
        self._gates = gates
        self._lease = lease
        self._clock = clock
        self._not_before: dict[str, float] = {}
        self._parked = False

    def park(self) -> None:
        """Begin no further step: the process is about to end, and the next one goes on from here."""
        self._parked = True

    async def rehearse(self, wanted: Moving, cause: Cause) -> Rehearsal:
        """Compute a switch from what GitHub says now, and send nothing.

        Raises:
            MonitorError: when a gate can't be read whole, or there is nothing to serve.
        """
        images = await self._images(wanted)
        states = await self._store.pools()
        touched = tuple(images[gate] for gate in (*wanted.opens, *wanted.shuts))
        access = self._access(images)
        now = self._clock.now()
        intent = plan.build(_new_id(now), self._fleet, states, wanted, cause, access, touched, now)
        calls = tuple((step.gate, call) for step in intent.steps for call in self._calls(intent, step, images))
        return Rehearsal(intent, calls)

    async def begin(self, wanted: Moving, cause: Cause) -> Intent:
        """Write a switch down. Nothing is sent yet; ``advance`` carries it out.

        Raises:
            Conflict: when another switch began, or the desired state changed, since ``wanted`` was computed.
            MonitorError: when a gate can't be read whole, or the store can't be written.
        """
        intent = (await self.rehearse(wanted, cause)).intent
        states = await self._store.pools()
        await self._store.begin(intent, [plan.desired(intent, states[pool]) for pool in intent.pools])
        log.info("switch begun", switch=intent.id, kind=str(intent.kind), pools=intent.pools, source=intent.source,
                 target=intent.target, by=intent.by, reason=intent.reason)  # fmt: skip
        return intent

    async def advance(self, intent: Intent, assessment: Assessment) -> Intent:
        """Carry an intent as far as it goes now. Never raises for what GitHub or the store do.

        Returns:
            The intent as it stands; ``running`` tells whether it comes round again.
        """
        if self._clock.now() < self._not_before.get(intent.id, 0.0):
            return intent
        try:
            while intent.running and not self._parked:
                step = plan.current_step(intent)
                following = await self._turn(intent, step, assessment)
                if following is intent:
                    break
                intent = following
        except Transient as error:
            self._not_before[intent.id] = self._clock.now() + (error.retry_after or 0.0)
            log.warning("switch waits", switch=intent.id, phase=str(intent.phase), reason=str(error))
        except Conflict as error:
            log.warning("switch waits", switch=intent.id, phase=str(intent.phase), reason=str(error))
        return intent

    async def _turn(self, intent: Intent, step: Step | None, assessment: Assessment) -> Intent:
        """One move of the intent; the same object when it has to wait."""
        if intent.phase is Phase.ROLLING_BACK:
            return await self._roll_back(intent)
        if step is None:
            return await self._end(intent, Outcome.DONE, "the gates are as wanted")
        if step.action is StepAction.VERIFY:
            return await self._verify(intent, step, assessment)
        waits = await self._waits(intent, assessment)
        if waits:
            log.debug("switch waits", switch=intent.id, phase=str(intent.phase), reason=waits)
            return intent
        event = _lost(intent, assessment)
        if event:
            return await self._change_phase(intent, event, f"{event} before {step.name}")
        try:
            return await self._drive(intent, step)
        except (Refused, Permanent, Unauthorised) as error:
            if intent.phase is Phase.NEEDS_HUMAN:
                raise Transient(str(error)) from error
            return await self._change_phase(intent, Event.REFUSED, f"{step.name}: {error}")

    async def _waits(self, intent: Intent, assessment: Assessment) -> str:
        """Why an automatic intent must not write now; empty when it may. A person's intent never waits."""
        if not intent.automatic:
            return ""
        now = self._clock.now()
        if now < assessment.quiet_until:
            return f"quiet start: we look for {assessment.quiet_until - now:.0f} s more before we act"
        for pool in intent.pools:
            if self._fleet.pools[pool].policy.mode is not Mode.AUTO:
                return f"the mode of pool {pool} is not auto"
        for pause in await self._store.pauses():
            if pause.until > now and pause.pool in {"", *intent.pools}:
                return f"paused by {pause.owner}: {pause.reason}"
        failing = _failing(intent, assessment) if _nothing_opened(intent) else ()
        if failing and not any(check.passed is False for check in failing):
            return f"the target is not known to be ready: {failing[0].text}"
        return ""

    async def _drive(self, intent: Intent, step: Step) -> Intent:
        """Bring one gate to where the step wants it, read it back, and record the step."""
        gate = self._gates[step.gate.strategy]
        image = await gate.read(step.gate)
        calls = self._calls(intent, step, {step.gate: image})
        sent = []
        for call in calls:
            await self._guard(intent)
            request_id = await gate.send(step.gate, call)
            sent.append(f"{call} -> {request_id}")
            log.info("gate written", switch=intent.id, step=step.name, call=str(call), request=request_id)
        if calls and self._calls(intent, step, {step.gate: await gate.read(step.gate)}):
            raise Transient(f"{step.name}: GitHub does not show the change yet")
        text = "read back as wanted" if calls else "it was so already"
        after = plan.recorded(intent, step, text, tuple(sent), self._clock.now())
        await self._store.save_intent(after)
        return after

    async def _verify(self, intent: Intent, step: Step, assessment: Assessment) -> Intent:
        """Wait for a job that really starts at the target; give up honestly when the time is over."""
        member = plan.verified(intent, assessment.last_job_at, step)
        if member:
            after = plan.recorded(intent, step, f"a job started at {member}", (), self._clock.now())
            await self._store.save_intent(after)
            return after
        within = max(self._fleet.pools[pool].policy.verify_within for pool in intent.pools)
        if self._clock.now() < plan.opened_at(intent) + within:
            return intent
        return await self._end(intent, Outcome.INCOMPLETE, f"no job was seen to start at {step.gate} in {within:.0f} s")

    async def _roll_back(self, intent: Intent) -> Intent:
        """Bring every touched gate back to its before-image, in the order that keeps one open."""
        order = [step for step in intent.steps if step.action is StepAction.SHUT]
        order += [step for step in intent.steps if step.action is StepAction.OPEN]
        for step in order:
            gate = self._gates[step.gate.strategy]
            before = plan.before_image(intent, step.gate)
            for call in gate.restore_calls(await gate.read(step.gate), before):
                await self._guard(intent)
                await gate.send(step.gate, call)
        return await self._end(intent, Outcome.ROLLED_BACK, f"rolled back: {intent.note}")

    async def _guard(self, intent: Intent) -> None:
        """The last check before a request: do we still lead, for long enough, and is this epoch still the one?"""
        needed = self._fleet.timing.request_timeout + LEASE_MARGIN
        if self._lease.remaining() < needed:
            raise Transient(f"our lease does not outlive a request ({needed:.0f} s); nothing is sent")
        states = await self._store.pools()
        for pool, epoch in intent.epochs.items():
            if states[pool].epoch != epoch:
                raise Conflict(f"pool {pool} is at epoch {states[pool].epoch}, this switch is of epoch {epoch}")

    async def _change_phase(self, intent: Intent, event: Event, note: str) -> Intent:
        after = replace(intent, phase=move(intent.phase, event, intent.order), note=note)
        await self._store.save_intent(after)
        log.warning("switch changes course", switch=intent.id, phase=str(after.phase), reason=note)
        return after

    async def _end(self, intent: Intent, outcome: Outcome, text: str) -> Intent:
        now = self._clock.now()
        after = replace(intent, outcome=outcome, finished_at=now, phase=Phase.STABLE, note=text)
        states = await self._store.pools()
        rolled_back = outcome is Outcome.ROLLED_BACK
        ended = [
            plan.restored(intent, states[pool]) if rolled_back else replace(states[pool], phase=Phase.STABLE, intent="")
            for pool in intent.pools
        ]
        entry = HistoryEntry(
            at=now,
            pool=", ".join(intent.pools),
            what=f"{intent.kind} {outcome}",
            sentence=f"{_route(intent)}: {text}",
            intent=intent.id,
            by=intent.by,
        )
        await self._store.finish(after, ended, entry)
        log.info("switch ended", switch=intent.id, outcome=str(outcome), seconds=round(now - intent.created_at, 1))
        return after

    def _calls(self, intent: Intent, step: Step, images: Mapping[GateRef, GateImage]) -> tuple[Call, ...]:
        gate = self._gates[step.gate.strategy]
        if step.action is StepAction.OPEN:
            return gate.open_calls(images[step.gate], intent.access)
        if step.action is StepAction.SHUT:
            canary = plan.canaries(self._fleet, step.gate)
            return gate.shut_calls(images[step.gate], intent.access, canary)
        return ()

    async def _images(self, wanted: Moving) -> dict[GateRef, GateImage]:
        """Every gate of the pools that move, read fresh: what they serve is told from all of them together."""
        refs = {member.gate for pool in wanted.pools for member in self._fleet.pools[pool].members}
        return {ref: await self._gates[ref.strategy].read(ref) for ref in sorted(refs)}

    def _access(self, images: Mapping[GateRef, GateImage]) -> Access:
        """What the pools are meant to serve: all that their gates let in now, canaries aside."""
        parts = []
        for ref, image in images.items():
            canary = {name.casefold() for name in plan.canaries(self._fleet, ref)}
            serving = tuple(item for item in image.repositories if item.full_name.casefold() not in canary)
            parts.append(Access(image.visibility, serving))
        access = plan.merged(tuple(parts))
        if access.visibility == "selected" and not access.repositories:
            raise Refused("nothing-to-serve", "no gate of the pool lets any repository in, so there is nothing to move")
        return access


def _lost(intent: Intent, assessment: Assessment) -> Event | None:
    """What makes an automatic switch turn round before its target is open."""
    if not intent.automatic or not _nothing_opened(intent):
        return None
    if any(check.passed is False for check in _failing(intent, assessment)):
        return Event.TARGET_LOST
    sources = [f"{pool}@{cluster}" for pool in intent.pools for cluster in intent.source]
    if all(_serves_again(name, intent, assessment) for name in sources):
        return Event.SOURCE_BACK
    return None


def _nothing_opened(intent: Intent) -> bool:
    return intent.phase is Phase.OPENING and not intent.records


def _failing(intent: Intent, assessment: Assessment) -> tuple[Check, ...]:
    """The readiness checks of the targets that did not pass; those that are not known prove nothing against them."""
    members = [f"{pool}@{cluster}" for pool in intent.pools for cluster in intent.target]
    found = [assessment.readiness[name] for name in members if name in assessment.readiness]
    return tuple(check for readiness in found for check in readiness.failing)


def _serves_again(member: str, intent: Intent, assessment: Assessment) -> bool:
    """A job has started there since: looking healthy proves nothing to a process that has just begun to look."""
    started = assessment.last_job_at.get(member)
    return assessment.member(member).seen is Health.HEALTHY and started is not None and started > intent.created_at


def _route(intent: Intent) -> str:
    pools = ", ".join(intent.pools)
    source = ", ".join(intent.source)
    return f"{pools} from {source} to {', '.join(intent.target)}" if intent.target else f"{pools} out of {source}"


def _new_id(now: float) -> str:
    """Sortable by time, and unique: seconds in base 36 would save nothing that anybody reads."""
    return f"s-{int(now):010d}-{secrets.token_hex(2)}"
