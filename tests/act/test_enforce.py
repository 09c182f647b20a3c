"""A fence that somebody opens is shut again, a few times, and never where that would leave nothing open."""

from dataclasses import replace
from pathlib import Path

import pytest
from act.stage import AUTOMATIC, CANARY, SOURCE, WEB, Stage, image
from act.test_executor import begin, settle
from decide.scene import EU, NOW, US, Scene, verdict

from monitor.act.enforce import MAX_REVERTS, Enforcer, broken
from monitor.act.recall import recall
from monitor.decide import Situation
from monitor.model.fleet import GateStrategy, Mode
from monitor.model.switch import Fence, Pause, Phase, PoolState
from monitor.model.verdict import GateState, Health, SubjectKind

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    """After a failover to us-east; somebody has opened the fenced group of eu-west again."""
    stage = Stage(tmp_path / "state.db")
    await stage.adopt()
    await begin(stage, AUTOMATIC)
    await settle(stage)
    stage.groups.landed.clear()
    reopened(stage)
    return stage


def reopened(stage: Stage) -> None:
    stage.groups.images[SOURCE] = image(SOURCE, WEB, CANARY)
    stage.scene.gates = {f"linux@{EU}": GateState.PARTIAL, f"linux@{US}": GateState.OPEN}


async def enforce(stage: Stage) -> PoolState:
    process = stage.process()
    gates = {GateStrategy.RUNNER_GROUP_ACCESS: process.gate}
    enforcer = Enforcer(stage.fleet, process.store, gates, stage.lease, stage.clock)
    await enforcer.enforce(await recall(process.store, stage.clock.now()), stage.assessment())
    state = (await process.store.pools())["linux"]
    await process.store.close()
    return state


async def test_a_broken_fence_is_shut_again_and_counted(stage: Stage) -> None:
    state = await enforce(stage)
    assert stage.groups.images[SOURCE].repositories == (CANARY,)
    assert (state.reverts, state.epoch, state.phase) == (1, 1, Phase.STABLE)


async def test_after_a_few_reverts_it_is_handed_to_a_person(stage: Stage) -> None:
    for _ in range(MAX_REVERTS):
        reopened(stage)
        await enforce(stage)
    reopened(stage)
    state = await enforce(stage)
    assert (state.phase, state.reverts) == (Phase.NEEDS_HUMAN, MAX_REVERTS + 1)
    assert WEB in stage.groups.images[SOURCE].repositories
    await enforce(stage)
    assert WEB in stage.groups.images[SOURCE].repositories


def scene() -> tuple[Scene, Situation]:
    """A fenced eu-west whose gate is open again, beside an open us-east."""
    state = PoolState("linux", 1, (US,), (Fence(EU, "s-1", NOW - 500, "failed"),))
    found = Scene(states={"linux": state}, gates={f"linux@{EU}": GateState.OPEN, f"linux@{US}": GateState.OPEN})
    return found, found.with_states()


def test_it_is_broken() -> None:
    found, situation = scene()
    assert [item.member.name for item in broken(found.fleet, situation, found.assessment, NOW)] == [f"linux@{EU}"]


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.PROPOSE])
def test_only_mode_auto_writes(mode: Mode) -> None:
    found, situation = scene()
    pool = found.pools[0]
    found.pools = (replace(pool, policy=replace(pool.policy, mode=mode)),)
    assert broken(found.fleet, situation, found.assessment, NOW) == ()


def test_not_while_paused_quiet_blind_unwritable_or_switching() -> None:
    found, situation = scene()
    paused = replace(situation, pauses=(Pause("", "ann", "x", NOW - 1, NOW + 1),))
    unwritable = replace(situation, store_writable=False)
    switching = replace(situation, pools={"linux": replace(situation.pools["linux"], intent="s-2")})
    for other in (paused, unwritable, switching):
        assert broken(found.fleet, other, found.assessment, NOW) == ()
    quiet = replace(found.assessment, quiet_until=NOW + 1)
    assert broken(found.fleet, situation, quiet, NOW) == ()
    found.put(verdict(SubjectKind.OBSERVER, "arc-monitor", Health.BLIND))
    assert broken(found.fleet, situation, found.assessment, NOW) == ()


@pytest.mark.parametrize("other", [GateState.SHUT, GateState.UNKNOWN, GateState.PARTIAL])
def test_the_last_open_gate_is_never_shut(other: GateState) -> None:
    found, situation = scene()
    found.gates[f"linux@{US}"] = other
    assert broken(found.fleet, situation, found.assessment, NOW) == ()


async def test_without_a_lease_that_outlives_the_request_nothing_is_sent(stage: Stage) -> None:
    stage.lease.seconds = stage.fleet.timing.request_timeout
    state = await enforce(stage)
    assert (stage.groups.landed, state.reverts) == ([], 0)
