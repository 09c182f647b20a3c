"""The cycle: assess, decide, act, report, over a snapshot of the board. The daemon is a fold over such snapshots."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from monitor import __version__
from monitor.act.commands import Commands, Present
from monitor.act.enforce import Enforcer
from monitor.act.executor import Executor
from monitor.act.plan import Cause
from monitor.act.recall import recall
from monitor.assess import Memory, assess
from monitor.decide import Situation, decide
from monitor.decide.decide import phase_of
from monitor.decide.moves import moving
from monitor.model.board import ObserverObservation, Snapshot
from monitor.model.decision import Decision, DecisionKind
from monitor.model.errors import MonitorError
from monitor.model.fleet import Fleet
from monitor.model.ports import Clock, Lease, Store
from monitor.model.status import Status
from monitor.model.switch import HistoryEntry, Intent, PoolState, Proposal, SwitchKind
from monitor.model.verdict import Assessment, GateState, Health, Subject, Verdict
from monitor.observe.board import Board

log = structlog.get_logger(__name__)

Report = Callable[[Status], Awaitable[None]]
"""Takes a cycle's result to metrics, page, store and notifiers; it must not raise."""


@dataclass(slots=True)
class _Store:
    """Whether the store took its last write, and why not."""

    writable: bool = True
    reason: str = ""


@dataclass(slots=True)
class _Seen:
    """What the last cycle saw, so that history gets one line for each change."""

    health: dict[Subject, Health] = field(default_factory=dict)
    findings: dict[Subject, str] = field(default_factory=dict)
    decisions: dict[str, tuple[DecisionKind, str]] = field(default_factory=dict)


class Cycle:
    """Walks assess, decide, act, report once for each call of ``run``."""

    def __init__(
        self,
        fleet: Fleet,
        board: Board,
        store: Store,
        lease: Lease,
        executor: Executor,
        enforcer: Enforcer,
        commands: Commands,
        clock: Clock,
        report: Report,
    ) -> None:
        self._fleet = fleet
        self._board = board
        self._store = store
        self._lease = lease
        self._executor = executor
        self._enforcer = enforcer
        self._commands = commands
        self._clock = clock
        self._report = report
        self._started_at = clock.now()
        self._led_since: float | None = None
        self._following = False
        self._due_at: float | None = None
        self._memory = Memory()
        self._situation = Situation({})
        self._store_health = _Store()
        self._seen = _Seen()

    @property
    def memory(self) -> Memory:
        """What ``assess`` remembers; the probes ask it whom to suspect."""
        return self._memory

    async def run(self) -> Status:
        """One cycle. It never raises for what the world does."""
        now = self._clock.now()
        await self._lead(now)
        snapshot = self._board.snapshot(now, self._look_inward(now))
        self._situation = await self._recall(now)
        self._memory, assessment = assess(self._memory, snapshot, self._fleet, self._situation.pools, now)
        if self._leads:
            await self._adopt(assessment)
        situation = self._with_observed_pools(assessment)
        decisions = decide(self._fleet, assessment, situation, now)
        if self._leads:
            began = self._clock.now()
            await self._act(assessment, decisions, situation)
            # A slow GitHub makes a switch last; that the next cycle waited for it says nothing of how we keep time.
            self._due_at = now + self._fleet.timing.cycle + self._clock.now() - began
            decisions = self._as_it_stands(assessment, decisions, now)
        status = await self._status(snapshot, assessment, decisions)
        await self._note_changes(status)
        await self._report(status)
        return status

    @property
    def _leads(self) -> bool:
        return self._led_since is not None

    async def _lead(self, now: float) -> None:
        try:
            leads = await self._lease.acquire()
        except MonitorError as error:
            log.warning("lease not renewed", reason=str(error))
            leads = False
        if not leads:
            if not self._following:
                log.info("another process leads; this one watches and does not act")
            self._led_since, self._following = None, True
        elif self._led_since is None:
            self._led_since, self._following = now, False
            log.info("this process leads")

    def _look_inward(self, now: float) -> ObserverObservation:
        late = max(0.0, now - self._due_at) if self._due_at is not None else 0.0
        self._due_at = now + self._fleet.timing.cycle
        return ObserverObservation(
            started_at=self._started_at,
            led_since=self._led_since,
            cycle_late=late,
            clock_jump=self._clock.jump(),
            store_writable=self._store_health.writable,
            store_reason=self._store_health.reason,
        )

    async def _recall(self, now: float) -> Situation:
        """What the store holds; when it can't be read, what it held last, marked as not writable."""
        health = self._store_health
        try:
            return await recall(self._store, now, writable=health.writable, reason=health.reason)
        except MonitorError as error:
            self._store_failed(error)
            return replace(self._situation, store_writable=False, store_reason=str(error))

    def _with_observed_pools(self, assessment: Assessment) -> Situation:
        """The situation with a provisional state for pools that have none yet."""
        observed = {pool: _observed(self._fleet, pool, assessment) for pool in self._fleet.pools}
        return replace(self._situation, pools=observed | dict(self._situation.pools))

    async def _adopt(self, assessment: Assessment) -> None:
        """Take what is open on GitHub as what is desired, once, for pools that we meet for the first time."""
        for pool in self._fleet.pools.values():
            gates = [assessment.gates.get(member.name, GateState.UNKNOWN) for member in pool.members]
            if pool.name in self._situation.pools or GateState.UNKNOWN in gates:
                continue
            state = _observed(self._fleet, pool.name, assessment)
            text = f"open in {', '.join(state.open) or 'no cluster'} when first seen"
            await self._write(self._store.save_pool(state, expected_epoch=None))
            await self._write(self._store.record(HistoryEntry(assessment.at, pool.name, "adopted", text)))
            log.info("pool adopted", pool=pool.name, open=state.open)
        self._situation = await self._recall(assessment.at)

    def _as_it_stands(
        self, assessment: Assessment, acted_on: Mapping[str, Decision], now: float
    ) -> Mapping[str, Decision]:
        """The decisions after acting: what was decided to begin is told as that, the rest as things stand now."""
        fresh = decide(self._fleet, assessment, self._with_observed_pools(assessment), now)
        begun = {name: item for name, item in acted_on.items() if item.kind is DecisionKind.SWITCH}
        return {**fresh, **begun}

    async def _act(self, assessment: Assessment, decisions: Mapping[str, Decision], situation: Situation) -> None:
        try:
            await self._commands.serve(Present(assessment, decisions))
            for decision in decisions.values():
                await self._carry_out(decision)
            await self._keep_proposals(decisions, situation)
            for intent in await self._store.running():
                await self._executor.advance(intent, assessment)
            await self._enforcer.enforce(await recall(self._store, self._clock.now()), assessment)
        except MonitorError as error:
            self._store_failed(error)
        self._situation = await self._recall(assessment.at)

    async def _carry_out(self, decision: Decision) -> None:
        """Begin the switch that was decided, unless one began since on any of the pools that move."""
        if decision.kind is not DecisionKind.SWITCH:
            return
        pool, states = self._fleet.pools[decision.pool], dict(await self._store.pools())
        target = decision.target[0] if decision.target else ""
        wanted = moving(self._fleet, states, pool, decision.source[0], target)
        if any(states[name].intent for name in wanted.pools):
            return
        cause = Cause(SwitchKind.FAILOVER, "arc-monitor", decision.sentence, decision.code, automatic=True)
        try:
            await self._executor.begin(wanted, cause)
        except MonitorError as error:
            log.warning("switch not begun", pool=decision.pool, reason=str(error))

    async def _keep_proposals(self, decisions: Mapping[str, Decision], situation: Situation) -> None:
        """Write down new proposals; forget those that expired or are no longer wanted, unless they were denied."""
        now = self._clock.now()
        wanted = {decision.proposal for decision in decisions.values() if decision.proposal}
        for proposal in situation.proposals:
            if proposal.expires_at <= now or (proposal.id not in wanted and not proposal.denied):
                await self._store.remove_proposal(proposal.id)
        known = {proposal.id for proposal in situation.proposals if proposal.expires_at > now}
        for decision in decisions.values():
            if decision.proposal and decision.proposal not in known:
                await self._store.save_proposal(_proposal(self._fleet, decision, now))

    async def _status(self, snapshot: Snapshot, assessment: Assessment, decisions: Mapping[str, Decision]) -> Status:
        situation = self._situation
        try:
            history = await self._store.history(limit=200)
        except MonitorError:
            history = ()
        running = tuple(intent for intent in situation.intents if intent.running)
        return Status(
            at=assessment.at,
            version=__version__,
            fleet=self._fleet,
            snapshot=snapshot,
            assessment=assessment,
            decisions=decisions,
            pools={name: _with_phase(state, decisions[name], running) for name, state in situation.pools.items()
                   if name in decisions},
            leader=self._leads,
            running=running,
            switches=situation.intents,
            pauses=tuple(pause for pause in situation.pauses if pause.until > assessment.at),
            proposals=situation.proposals,
            history=history,
            polls=self._board.polls,
        )  # fmt: skip

    async def _note_changes(self, status: Status) -> None:
        """One line of history for each change of a held verdict or a decision; only the leader writes it."""
        verdicts = status.assessment.verdicts
        health = {
            subject: verdict.health
            for subject, verdict in verdicts.items()
            if subject in self._seen.health or verdict.health is not Health.BLIND or verdict.findings
        }
        decided = {name: (decision.kind, decision.code) for name, decision in status.decisions.items()}
        before, self._seen = self._seen, _Seen(health, _findings(verdicts), decided)
        _log_findings(verdicts, before.findings)
        if not self._leads:
            return
        for subject, now_held in health.items():
            was = before.health.get(subject)
            if now_held is not (Health.HEALTHY if was is None else was):
                await self._write(self._store.record(_verdict_entry(status, subject, was)))
        for name, now_decided in decided.items():
            if before.decisions.get(name, (DecisionKind.NONE, "Steady")) != now_decided:
                decision = status.decisions[name]
                entry = HistoryEntry(status.at, name, f"decided {decision.kind.word}", decision.sentence)
                await self._write(self._store.record(entry))

    async def _write(self, writing: Awaitable[None]) -> None:
        """A write whose failure must not stop the cycle; it makes the store unwritable until one succeeds."""
        try:
            await writing
        except MonitorError as error:
            self._store_failed(error)

    def _store_failed(self, error: MonitorError) -> None:
        if self._store_health.writable:
            log.error("store failed", reason=str(error))
        self._store_health = _Store(writable=False, reason=str(error))

    def store_took(self, error: MonitorError | None) -> None:
        """Tell the cycle how the publication of its status went: it is the store's heartbeat."""
        if error is not None:
            self._store_failed(error)
        elif not self._store_health.writable:
            log.info("store takes writes again")
            self._store_health = _Store()


def _observed(fleet: Fleet, pool: str, assessment: Assessment) -> PoolState:
    """What is open now, as a state of epoch 0."""
    open_now = {GateState.OPEN, GateState.PARTIAL}
    clusters = [m.cluster for m in fleet.pools[pool].members if assessment.gates.get(m.name) in open_now]
    return PoolState(pool, 0, tuple(sorted(clusters)))


def _with_phase(state: PoolState, decision: Decision, running: tuple[Intent, ...]) -> PoolState:
    intent = next((item for item in running if item.id == state.intent), None)
    return replace(state, phase=intent.phase if intent else phase_of(state, decision))


def _proposal(fleet: Fleet, decision: Decision, now: float) -> Proposal:
    return Proposal(
        id=decision.proposal,
        pool=decision.pool,
        source=decision.source,
        target=decision.target,
        code=decision.code,
        sentence=decision.sentence,
        created_at=now,
        expires_at=now + fleet.pools[decision.pool].policy.proposal_expires,
    )


def _findings(verdicts: Mapping[Subject, Verdict]) -> dict[Subject, str]:
    """The finding that explains each verdict, where the subject itself is at fault and not what it stands on."""
    return {
        subject: verdict.finding.code
        for subject, verdict in verdicts.items()
        if verdict.finding and verdict.finding.subject == subject
    }


def _log_findings(verdicts: Mapping[Subject, Verdict], before: Mapping[Subject, str]) -> None:
    """One line for each subject that is explained by another finding than a cycle ago."""
    now = _findings(verdicts)
    for subject in {**before, **now}:
        verdict, code = verdicts[subject], now.get(subject)
        if code == before.get(subject):
            continue
        if code is None:
            log.info("finding gone", subject=str(subject), code=before[subject], health=verdict.health.word)
        elif verdict.finding is not None:
            log.warning("finding", subject=str(subject), code=code, health=verdict.health.word,
                        sentence=verdict.finding.sentence)  # fmt: skip


def _verdict_entry(status: Status, subject: Subject, was: Health | None) -> HistoryEntry:
    verdict = status.assessment.verdicts[subject]
    why = f": {verdict.finding.sentence}" if verdict.finding and verdict.health is not Health.HEALTHY else ""
    pool = subject.name.partition("@")[0] if "@" in subject.name else ""
    before = "not known" if was is None else was.word
    return HistoryEntry(status.at, pool, f"{subject} {verdict.health.word}", f"was {before}{why}")
