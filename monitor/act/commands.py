"""Carries out what operators ask for. The CLI writes a request to the store; the leader answers it there.

So a command and the automation can never race: both are the same process, one after the other.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from monitor.act.executor import Executor, Rehearsal
from monitor.act.plan import Cause
from monitor.act.recall import recall
from monitor.decide.moves import Moving, moving
from monitor.decide.planned import planned
from monitor.model.decision import Decision
from monitor.model.errors import Conflict, MonitorError, Refused
from monitor.model.fleet import Fleet, Pool
from monitor.model.ports import Clock, Store
from monitor.model.switch import (
    HistoryEntry,
    Outcome,
    Pause,
    Request,
    RequestState,
    SwitchKind,
    Verb,
)
from monitor.model.verdict import Assessment

log = structlog.get_logger(__name__)

OUTCOME_CODES = {
    Outcome.DONE: "ok",
    Outcome.INCOMPLETE: "incomplete",
    Outcome.ROLLED_BACK: "rolled-back",
    Outcome.ABANDONED: "abandoned",
}
"""The named result of a request that began a switch."""

LAPSES_AFTER = 900.0
"""Seconds after which a switch that was asked for and not taken up is no longer begun."""


@dataclass(frozen=True, slots=True)
class Present:
    """What the newest cycle concluded; commands stand on the same view as the automation."""

    assessment: Assessment
    decisions: Mapping[str, Decision]


class Commands:
    """Answers operators' requests. Only the leader has one."""

    def __init__(self, fleet: Fleet, store: Store, executor: Executor, clock: Clock) -> None:
        self._fleet = fleet
        self._store = store
        self._executor = executor
        self._clock = clock
        self._verbs: Mapping[Verb, Callable[[Request, Present], Awaitable[Request]]] = {
            Verb.PAUSE: self._pause,
            Verb.UNPAUSE: self._unpause,
            Verb.APPROVE: self._approve,
            Verb.DENY: self._deny,
            Verb.SWITCHOVER: self._switchover,
            Verb.FAILBACK: self._failback,
        }

    async def serve(self, present: Present) -> None:
        """Answer every open request. Never raises for a request that can't be carried out."""
        for request in await self._store.open_requests():
            try:
                if request.state is RequestState.RUNNING:
                    answered = await self._follow(request)
                else:
                    self._in_time(request)
                    answered = await self._verbs[request.verb](request, present)
            except Refused as error:
                answered = _refused(request, error.code, error.reason)
            except Conflict as error:
                answered = _refused(request, "conflict", f"{error}; ask again")
            except MonitorError as error:
                answered = _refused(request, "error", str(error))
            if answered is not request:
                await self._store.answer(answered)
                log.info("request answered", request=request.id, verb=str(request.verb), by=request.by,
                         state=str(answered.state), answer=answered.answer)  # fmt: skip

    def _in_time(self, request: Request) -> None:
        """Whoever asked while nobody answered may have gone since; no gate moves behind people's backs."""
        late = self._clock.now() - request.at
        if late > LAPSES_AFTER and request.verb in {Verb.SWITCHOVER, Verb.FAILBACK}:
            raise Refused("lapsed", f"asked {late / 60:.0f} min ago, when no daemon answered; ask again")

    async def _pause(self, request: Request, _: Present) -> Request:
        self._known_pool(request.target)
        until = float(request.arguments["until"])
        reason = request.arguments.get("reason", "")
        await self._store.save_pause(Pause(request.target, request.by, reason, self._clock.now(), until))
        return await self._noted(request, "paused", f"automation of {_which(request.target)} is paused: {reason}")

    async def _unpause(self, request: Request, _: Present) -> Request:
        self._known_pool(request.target)
        pauses = await self._store.pauses()
        if all(pause.pool != request.target for pause in pauses):
            held = ", ".join(_which(pause.pool) for pause in pauses if pause.until > self._clock.now())
            which = _which(request.target)
            raise Refused("nothing-to-do", f"there is no pause of {which}; paused: {held or 'nothing'}")
        await self._store.remove_pause(request.target)
        return await self._noted(request, "unpaused", f"automation of {_which(request.target)} goes on")

    async def _deny(self, request: Request, _: Present) -> Request:
        situation = await recall(self._store, self._clock.now())
        proposal = situation.proposal(request.target, self._clock.now())
        if proposal is None:
            raise Refused("unknown-proposal", f"no proposal {request.target!r} is waiting; it may have expired")
        await self._store.save_proposal(replace(proposal, denied_by=request.by))
        return await self._noted(request, "denied", f"{proposal.id} is denied: {proposal.sentence}", proposal.pool)

    async def _approve(self, request: Request, present: Present) -> Request:
        now = self._clock.now()
        proposal = (await recall(self._store, now)).proposal(request.target, now)
        if proposal is None:
            raise Refused("unknown-proposal", f"no proposal {request.target!r} is waiting; it may have expired")
        decision = present.decisions[proposal.pool]
        if decision.proposal != proposal.id:
            raise Refused("not-wanted-now", f"{proposal.id} is not what is decided now: {decision.sentence}")
        pool = self._fleet.pools[proposal.pool]
        target = proposal.target[0] if proposal.target else ""
        wanted = moving(self._fleet, dict(await self._store.pools()), pool, proposal.source[0], target)
        cause = Cause(SwitchKind.FAILOVER, request.by, decision.sentence, decision.code, automatic=False)
        answered = await self._begin(request, [(wanted, cause)])
        if not request.dry_run:
            await self._store.remove_proposal(proposal.id)
        return answered

    async def _switchover(self, request: Request, present: Present) -> Request:
        reason = request.arguments.get("reason", "") or "planned switchover"
        pools, source = self._resolve(request.target, request.arguments.get("from", ""))
        if request.target not in self._fleet.pools:
            pools = await self._open_in(pools, source)
        cause = Cause(SwitchKind.SWITCHOVER, request.by, reason, "Planned", automatic=False)
        return await self._planned(request, present, [(pool, request.arguments["to"], source) for pool in pools], cause)

    async def _failback(self, request: Request, present: Present) -> Request:
        intent = await self._store.intent(request.target)
        if intent is None:
            raise Refused("unknown-switch", f"no switch {request.target!r} is recorded")
        if intent.running:
            raise Refused("switch-running", f"{intent.kind} {intent.id} still runs")
        if not intent.target:
            raise Refused("nothing-to-do", f"{intent.id} opened no cluster, so there is nothing to come back from")
        reason = request.arguments.get("reason", "") or f"failback of {intent.id}"
        cause = Cause(SwitchKind.FAILBACK, request.by, reason, "Planned", automatic=False, undoes=intent.id)
        moves = [(self._fleet.pools[intent.pools[0]], intent.source[0], intent.target[0])]
        return await self._planned(request, present, moves, cause)

    async def _planned(
        self, request: Request, present: Present, moves: list[tuple[Pool, str, str]], cause: Cause
    ) -> Request:
        situation = await recall(self._store, self._clock.now())
        force = request.arguments.get("force") == "true"
        wanted: list[tuple[Moving, Cause]] = []
        covered: set[str] = set()
        for pool, target, source in moves:
            if pool.name in covered:
                continue
            move = planned(self._fleet, pool, target, present.assessment, situation, source=source, force=force)
            covered.update(move.pools)
            wanted.append((move, cause))
        return await self._begin(request, wanted)

    async def _begin(self, request: Request, wanted: list[tuple[Moving, Cause]]) -> Request:
        if request.dry_run:
            plans = [await self._executor.rehearse(move, cause) for move, cause in wanted]
            text = "\n".join(line for rehearsal in plans for line in rehearsal_lines(rehearsal))
            return replace(request, state=RequestState.DONE, code="ok", answer=text)
        begun = [await self._executor.begin(move, cause) for move, cause in wanted]
        ids = " ".join(intent.id for intent in begun)
        return replace(request, state=RequestState.RUNNING, intent=ids, answer=f"begun: {ids}")

    async def _follow(self, request: Request) -> Request:
        """The request's answer once all its switches have ended; the same request until then."""
        intents = [await self._store.intent(intent_id) for intent_id in request.intent.split()]
        if any(intent is None or intent.running for intent in intents):
            return request
        ended = [intent for intent in intents if intent is not None]
        worst = next((item for item in ended if item.outcome is not Outcome.DONE), ended[0])
        text = "\n".join(f"{item.kind} {item.id} {item.outcome}: {item.note}" for item in ended)
        code = OUTCOME_CODES[worst.outcome or Outcome.ABANDONED]
        return replace(request, state=RequestState.DONE, code=code, answer=text)

    async def _noted(self, request: Request, what: str, sentence: str, pool: str = "") -> Request:
        entry = HistoryEntry(self._clock.now(), pool or request.target, what, sentence, by=request.by)
        await self._store.record(entry)
        return replace(request, state=RequestState.DONE, code="ok", answer=sentence)

    async def _open_in(self, pools: list[Pool], cluster: str) -> list[Pool]:
        states = await self._store.pools()
        found = [pool for pool in pools if pool.name in states and cluster in states[pool.name].open]
        if not found:
            raise Refused("nothing-to-do", f"no pool is open in {cluster}")
        return found

    def _known_pool(self, name: str) -> None:
        if name and name not in self._fleet.pools:
            raise Refused("unknown-pool", f"no pool {name!r}; there are {', '.join(self._fleet.pools)}")

    def _resolve(self, name: str, source: str) -> tuple[list[Pool], str]:
        """The pools that a name means: a pool, every pool open in a cluster, or every pool open in a region."""
        if name in self._fleet.pools:
            return [self._fleet.pools[name]], source
        if name in self._fleet.clusters:
            return [self._fleet.pools[member.pool] for member in self._fleet.members_of(name)], name
        inside = [cluster.name for cluster in self._fleet.clusters.values() if cluster.region == name]
        if len(inside) == 1:
            return [self._fleet.pools[member.pool] for member in self._fleet.members_of(inside[0])], inside[0]
        if inside:
            raise Refused("ambiguous", f"region {name} has several clusters ({', '.join(inside)}); name one")
        raise Refused("unknown-target", f"{name!r} is no pool, cluster or region of the configuration")


def rehearsal_lines(rehearsal: Rehearsal) -> list[str]:
    """A rehearsed switch for people: scope, order, and the exact calls."""
    intent = rehearsal.intent
    lines = [
        f"{intent.kind} of {', '.join(intent.pools)} from {', '.join(intent.source)} to {', '.join(intent.target)}",
        f"order: {intent.order}; steps: {', then '.join(step.name for step in intent.steps)}",
    ]
    lines += [f"  {call}  {_body(call.body)}  # {call.why}" for _, call in rehearsal.calls]
    if not rehearsal.calls:
        lines.append("  no call: every gate is as wanted already")
    return lines


def _body(body: Mapping[str, object] | None) -> str:
    text = json.dumps(dict(body)) if body else ""
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def _which(pool: str) -> str:
    return f"pool {pool}" if pool else "every pool"


def _refused(request: Request, code: str, reason: str) -> Request:
    return replace(request, state=RequestState.REFUSED, code=code, answer=reason)
