"""Switches are carried out step by step, and a process killed anywhere is followed by one that goes on rightly."""

from dataclasses import replace
from pathlib import Path

import pytest
from act.stage import API, AUTOMATIC, CANARY, PLANNED, SOURCE, TARGET, WEB, Fuse, Killed, Process, Stage, image
from decide.scene import EU, NOW, US, Scene, pool, verdict

from monitor.act.plan import Cause
from monitor.model.errors import Conflict, Permanent, Refused, Transient, Unauthorised, Unreachable
from monitor.model.fleet import Mode, Order, Policy
from monitor.model.github import Repository, Visibility
from monitor.model.switch import Intent, Outcome, Pause, Phase, PoolState
from monitor.model.verdict import GateState, Health, SubjectKind

pytestmark = pytest.mark.anyio
ENOUGH = 12
"""Cycles within which a switch that nothing hinders must have ended."""


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path / "state.db")
    await stage.adopt()
    return stage


async def settle(stage: Stage, *, job: bool = True) -> Intent:
    """Let a fresh process carry the running intent to its end."""
    process = stage.process()
    try:
        (intent,) = await process.store.running()
        for _ in range(ENOUGH):
            stage.clock.advance(10)
            assessment = stage.assessment(job_at=stage.clock.now() if job else None)
            intent = await process.executor.advance(intent, assessment)
            if not intent.running:
                return intent
        return intent
    finally:
        await process.store.close()


async def begin(stage: Stage, cause: Cause = AUTOMATIC) -> Intent:
    process = stage.process()
    try:
        return await process.executor.begin(await stage.wanted(process), cause)
    finally:
        await process.store.close()


async def stored(stage: Stage) -> PoolState:
    process = stage.process()
    try:
        return (await process.store.pools())["linux"]
    finally:
        await process.store.close()


async def test_the_target_opens_before_the_source_shuts(stage: Stage) -> None:
    await begin(stage)
    intent = await settle(stage)
    assert intent.outcome is Outcome.DONE
    assert [(ref, call.method) for ref, call, _ in stage.groups.landed] == [(TARGET, "PUT"), (SOURCE, "PUT")]
    assert (stage.groups.state(TARGET), stage.groups.state(SOURCE)) == (GateState.OPEN, GateState.SHUT)
    assert stage.groups.images[SOURCE].repositories == (CANARY,)
    state = await stored(stage)
    assert (state.epoch, state.open, state.fenced, state.intent) == (1, (US,), frozenset({EU}), "")


async def test_fence_first_shuts_the_source_before_the_target_opens(tmp_path: Path) -> None:
    fenced = pool(policy=Policy(mode=Mode.AUTO, order=Order.FENCE_FIRST))
    stage = Stage(tmp_path / "state.db", Scene(pools=(fenced,)).fail())
    await stage.adopt()
    await begin(stage)
    assert (await settle(stage)).outcome is Outcome.DONE
    assert [ref for ref, _, _ in stage.groups.landed] == [SOURCE, TARGET]


async def test_a_planned_switch_parks_its_source_and_does_not_fence_it(stage: Stage) -> None:
    await begin(stage, PLANNED)
    await settle(stage)
    assert (await stored(stage)).fenced == frozenset()


async def test_no_job_at_the_target_ends_incomplete_and_honest(stage: Stage) -> None:
    await begin(stage)
    process = stage.process()
    (intent,) = await process.store.running()
    intent = await process.executor.advance(intent, stage.assessment())
    assert (intent.phase, intent.running) == (Phase.VERIFYING, True)
    stage.clock.advance(stage.fleet.pools["linux"].policy.verify_within + 1)
    intent = await process.executor.advance(intent, stage.assessment())
    assert intent.outcome is Outcome.INCOMPLETE
    assert "no job was seen to start" in intent.note
    await process.store.close()


async def test_a_job_that_started_before_the_gate_opened_proves_nothing(stage: Stage) -> None:
    await begin(stage)
    process = stage.process()
    (intent,) = await process.store.running()
    intent = await process.executor.advance(intent, stage.assessment(job_at=NOW - 1))
    assert intent.running
    await process.store.close()


async def live(stage: Stage, process: Process) -> None:
    intent = await process.executor.begin(await stage.wanted(process), AUTOMATIC)
    await process.executor.advance(intent, stage.assessment(job_at=NOW + 1_000))


async def number_of_calls(path: Path) -> int:
    stage = Stage(path)
    await stage.adopt()
    fuse = Fuse()
    process = stage.process(fuse)
    await live(stage, process)
    await process.store.close()
    return fuse.calls


async def test_killed_anywhere_the_next_process_goes_on_rightly(tmp_path: Path) -> None:
    calls = await number_of_calls(tmp_path / "count.db")
    assert calls > 15
    for at in range(1, calls + 1):
        stage = Stage(tmp_path / f"{at}.db")
        await stage.adopt()
        process = stage.process(Fuse(at))
        with pytest.raises(Killed):
            await live(stage, process)
        await process.store.close()
        await resume(stage)
        assert (stage.groups.state(TARGET), stage.groups.state(SOURCE)) == (GateState.OPEN, GateState.SHUT), at
        assert_safe(stage)


async def resume(stage: Stage) -> None:
    """What the next process does: carry on what was begun; begin it if it was not."""
    process = stage.process()
    state = (await process.store.pools())["linux"]
    running = await process.store.running()
    await process.store.close()
    if not running and state.epoch == 0:
        await begin(stage)
    if running or state.epoch == 0:
        assert (await settle(stage)).outcome is Outcome.DONE
    final = await stored(stage)
    assert (final.epoch, final.open, final.fenced, final.intent) == (1, (US,), frozenset({EU}), "")
    process = stage.process()
    ended = [entry for entry in await process.store.history() if entry.intent]
    await process.store.close()
    assert [entry.what for entry in ended] == ["failover done"]


def assert_safe(stage: Stage) -> None:
    """After every write that landed: one gate is open, and nobody's repository was lost."""
    for _, _, images in stage.groups.landed:
        after = Stage(stage.path)
        after.groups.images = dict(images)
        assert GateState.OPEN in {after.groups.state(SOURCE), after.groups.state(TARGET)}
        assert all(CANARY in item.repositories for item in images.values())


@pytest.mark.parametrize("error", [Unauthorised("403"), Permanent("422"), Refused("gate-unknown", "gone")])
async def test_a_target_that_can_not_be_opened_is_rolled_back(stage: Stage, error: Exception) -> None:
    stage.groups.refuse["arc-us"] = error  # type: ignore[assignment]
    await begin(stage)
    intent = await settle(stage)
    assert intent.outcome is Outcome.ROLLED_BACK
    assert str(error) in intent.note
    assert stage.groups.state(SOURCE) is GateState.OPEN
    state = await stored(stage)
    assert (state.epoch, state.open, state.fenced, state.phase) == (1, (EU,), frozenset(), Phase.STABLE)


async def test_a_source_that_can_not_be_shut_asks_a_person_and_goes_on_when_it_can(stage: Stage) -> None:
    stage.groups.refuse["arc-eu"] = Permanent("422 validation failed")
    await begin(stage)
    intent = await settle(stage)
    assert (intent.running, intent.phase) == (True, Phase.NEEDS_HUMAN)
    assert stage.groups.state(TARGET) is GateState.OPEN
    del stage.groups.refuse["arc-eu"]
    assert (await settle(stage)).outcome is Outcome.DONE


@pytest.mark.parametrize("error", [Transient("503", retry_after=25.0), Unreachable("timeout")])
async def test_passing_trouble_is_waited_out(stage: Stage, error: Transient) -> None:
    stage.groups.refuse["arc-us"] = error
    await begin(stage)
    intent = await settle(stage)
    assert (intent.running, intent.phase, stage.groups.landed) == (True, Phase.OPENING, [])
    del stage.groups.refuse["arc-us"]
    assert (await settle(stage)).outcome is Outcome.DONE


async def test_retry_after_is_honoured(stage: Stage) -> None:
    stage.groups.refuse["arc-us"] = Transient("429", retry_after=60.0)
    await begin(stage)
    process = stage.process()
    (intent,) = await process.store.running()
    await process.executor.advance(intent, stage.assessment())
    del stage.groups.refuse["arc-us"]
    stage.clock.advance(59)
    await process.executor.advance(intent, stage.assessment())
    assert stage.groups.landed == []
    stage.clock.advance(2)
    await process.executor.advance(intent, stage.assessment())
    assert len(stage.groups.landed) == 2
    await process.store.close()


async def test_without_a_lease_that_outlives_the_request_nothing_is_sent(stage: Stage) -> None:
    await begin(stage)
    stage.lease.seconds = stage.fleet.timing.request_timeout
    assert (await settle(stage)).running
    assert stage.groups.landed == []


async def test_an_older_epoch_sends_nothing(stage: Stage) -> None:
    await begin(stage)
    process = stage.process()
    state = (await process.store.pools())["linux"]
    await process.store.save_pool(replace(state, epoch=state.epoch + 1), expected_epoch=state.epoch)
    await process.store.close()
    assert (await settle(stage)).running
    assert stage.groups.landed == []


async def test_two_switches_of_one_pool_conflict(stage: Stage) -> None:
    process = stage.process()
    wanted = await stage.wanted(process)
    await process.executor.begin(wanted, AUTOMATIC)
    with pytest.raises(Conflict):
        await process.executor.begin(wanted, PLANNED)
    await process.store.close()


async def test_a_pause_stops_an_automatic_switch_and_not_a_persons(tmp_path: Path) -> None:
    for cause, landed in ((AUTOMATIC, 0), (PLANNED, 2)):
        other = Stage(tmp_path / f"{cause.by}.db")
        await other.adopt()
        await begin(other, cause)
        process = other.process()
        await process.store.save_pause(Pause("", "bob", "hands off", NOW, NOW + 1e6))
        await process.store.close()
        await settle(other)
        assert len(other.groups.landed) == landed


async def test_quiet_start_holds_a_resumed_automatic_switch(stage: Stage) -> None:
    await begin(stage)
    stage.scene.quiet_until = NOW + 1e6
    assert (await settle(stage)).running
    assert stage.groups.landed == []


async def test_a_target_that_is_lost_before_it_opened_turns_the_switch_round(stage: Stage) -> None:
    await begin(stage)
    stage.scene.ready[f"linux@{US}"] = False
    assert (await settle(stage)).outcome is Outcome.ROLLED_BACK
    assert stage.groups.landed == []


async def test_a_target_that_is_not_known_to_be_ready_yet_is_waited_for(stage: Stage) -> None:
    await begin(stage)
    stage.scene.ready[f"linux@{US}"] = None
    assert (await settle(stage)).running
    assert stage.groups.landed == []
    stage.scene.ready[f"linux@{US}"] = True
    assert (await settle(stage)).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("started", "outcome"), [(NOW + 5, Outcome.ROLLED_BACK), (NOW - 5, Outcome.DONE), (None, Outcome.DONE)]
)
async def test_only_a_source_that_starts_jobs_again_turns_the_switch_round(
    stage: Stage, started: float | None, outcome: Outcome
) -> None:
    await begin(stage)
    stage.scene.put(verdict(SubjectKind.MEMBER, f"linux@{EU}", Health.HEALTHY))
    process = stage.process()
    (intent,) = await process.store.running()
    stage.clock.advance(10)
    jobs = {f"linux@{EU}": started, f"linux@{US}": stage.clock.now() + 1}
    intent = await process.executor.advance(intent, replace(stage.assessment(), last_job_at=jobs))
    await process.store.close()
    assert intent.outcome is outcome
    assert bool(stage.groups.landed) is (outcome is Outcome.DONE)


async def test_an_administrators_edit_between_read_and_write_is_kept(stage: Stage) -> None:
    await begin(stage)
    extra = Repository(77, "acme/new")
    before = stage.groups.images[TARGET]
    stage.groups.images[TARGET] = replace(before, repositories=(*before.repositories, extra))
    await settle(stage)
    assert set(stage.groups.images[TARGET].repositories) == {WEB, API, CANARY, extra}


async def test_visibility_all_moves_as_visibility(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "state.db")
    stage.groups.images[SOURCE] = image(SOURCE, visibility=Visibility.ALL)
    await stage.adopt()
    await begin(stage)
    assert (await settle(stage)).outcome is Outcome.DONE
    assert stage.groups.images[TARGET].visibility is Visibility.ALL
    assert stage.groups.images[SOURCE].visibility is Visibility.SELECTED


async def test_nothing_to_serve_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "state.db")
    stage.groups.images[SOURCE] = image(SOURCE, CANARY)
    await stage.adopt()
    with pytest.raises(Refused, match="nothing to move"):
        await begin(stage)


async def test_a_rehearsal_sends_nothing_and_shows_what_is_sent(stage: Stage) -> None:
    process = stage.process()
    rehearsal = await process.executor.rehearse(await stage.wanted(process), PLANNED)
    await process.store.close()
    assert stage.groups.landed == []
    await begin(stage, PLANNED)
    await settle(stage)
    assert [(ref, call) for ref, call, _ in stage.groups.landed] == list(rehearsal.calls)
