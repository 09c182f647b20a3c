"""Pools: what is decided, what blocks it, pauses and proposals."""

from monitor.model.decision import DecisionKind
from monitor.model.status import Status
from monitor.report.metrics.definition import Samples, gauge
from monitor.report.pools import cooldown_until

VALUES = ", ".join(f"{kind.value} {kind.word}" for kind in DecisionKind)
POOL_INFO = gauge("pool_info", "Always 1; the labels say what the pool's policy is.", "pool", "mode", "serve", "order")
POOL_PHASE = gauge("pool_phase", "1 for the phase of a switch's life that the pool is in.", "pool", "phase")
EPOCH = gauge("epoch", "Grows by one with every change of what is desired of the pool.", "pool")
REVERTS = gauge("reverts", "How often somebody else undid a fence since the last switch.", "pool")
DECISION = gauge("decision", f"What is decided for the pool now: {VALUES}.", "pool")
WANTED = gauge("switch_wanted", "1 while a switch of the pool is wanted, begun or not, else 0.", "pool")
BLOCK = gauge("block", "1 for each condition that keeps a wanted switch from beginning.", "pool", "code")
COOLDOWN = gauge(
    "cooldown_end_timestamp_seconds", "Until when the cool-down lasts, epoch seconds; absent when none runs.", "pool"
)
PAUSE_START = gauge(
    "pause_start_timestamp_seconds", "Since when automation is paused, epoch seconds; pool * is every pool.", "pool"
)
PAUSE_END = gauge(
    "pause_end_timestamp_seconds", "When the pause ends by itself, epoch seconds; pool * is every pool.", "pool"
)
PROPOSAL_END = gauge(
    "proposal_end_timestamp_seconds", "When a switch that waits for a person expires, epoch seconds.", "pool"
)

METRICS = (
    POOL_INFO,
    POOL_PHASE,
    EPOCH,
    REVERTS,
    DECISION,
    WANTED,
    BLOCK,
    COOLDOWN,
    PAUSE_START,
    PAUSE_END,
    PROPOSAL_END,
)
EVERY_POOL = "*"


def samples(status: Status) -> Samples:
    """Samples about every pool."""
    for pool in status.fleet.pools.values():
        yield POOL_INFO(pool.name, pool.policy.mode, pool.policy.serve, pool.policy.order, value=1)
        if (cooldown := cooldown_until(status, pool)) is not None:
            yield COOLDOWN(pool.name, value=cooldown)
    for state in status.pools.values():
        yield POOL_PHASE(state.pool, state.phase, value=1)
        yield EPOCH(state.pool, value=state.epoch)
        yield REVERTS(state.pool, value=state.reverts)
    for decision in status.decisions.values():
        yield DECISION(decision.pool, value=decision.kind)
        yield WANTED(decision.pool, value=decision.wanted)
        for code in dict.fromkeys(block.code for block in decision.blocks):
            yield BLOCK(decision.pool, code, value=1)
    yield from _waiting(status)


def _waiting(status: Status) -> Samples:
    for pause in status.pauses:
        if status.at < pause.until:
            yield PAUSE_START(pause.pool or EVERY_POOL, value=pause.since)
            yield PAUSE_END(pause.pool or EVERY_POOL, value=pause.until)
    ends: dict[str, float] = {}
    for proposal in status.proposals:
        if not proposal.denied and status.at < proposal.expires_at:
            ends[proposal.pool] = max(proposal.expires_at, ends.get(proposal.pool, 0.0))
    for pool, end in ends.items():
        yield PROPOSAL_END(pool, value=end)
