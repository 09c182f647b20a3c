"""What operators ask for is answered in the store, carried out or refused, with a named result."""

from dataclasses import replace
from pathlib import Path

import pytest
from act.stage import AUTOMATIC, SOURCE, TARGET, Process, Stage
from decide.scene import EU, NOW, US, Scene, pool, verdict

from monitor.act.commands import Commands, Present
from monitor.decide import decide
from monitor.model.errors import Permanent
from monitor.model.fleet import Mode, Policy
from monitor.model.switch import PoolState, Proposal, Request, RequestState, Verb
from monitor.model.verdict import GateState, SubjectKind

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path / "state.db")
    await stage.adopt()
    return stage


async def ask(
    stage: Stage, verb: Verb, target: str = "", arguments: dict[str, str] | None = None, *, dry_run: bool = False
) -> Request:
    """Submit a request and let the leader serve it and carry on what it began, until it is answered."""
    process = stage.process()
    try:
        request = Request("r-1", verb, "ann", NOW, target, arguments or {}, dry_run)
        await process.store.submit(request)
        answered = request
        for _ in range(3):
            stage.clock.advance(10)
            await serve(stage, process)
            answered = await process.store.request("r-1") or request
            if answered.state in {RequestState.DONE, RequestState.REFUSED}:
                break
        return answered
    finally:
        await process.store.close()


async def serve(stage: Stage, process: Process) -> None:
    assessment = stage.assessment(job_at=stage.clock.now())
    situation = replace(stage.scene.with_states(), proposals=await process.store.proposals())
    decisions = decide(stage.fleet, assessment, situation, NOW)
    commands = Commands(stage.fleet, process.store, process.executor, stage.clock)
    await commands.serve(Present(assessment, decisions))
    for intent in await process.store.running():
        await process.executor.advance(intent, assessment)


async def test_switchover_moves_the_pool_and_answers_with_its_outcome(stage: Stage) -> None:
    answer = await ask(stage, Verb.SWITCHOVER, "linux", {"to": US})
    assert (answer.state, answer.code) == (RequestState.DONE, "ok")
    assert answer.intent in answer.answer
    assert (stage.groups.state(TARGET), stage.groups.state(SOURCE)) == (GateState.OPEN, GateState.SHUT)


@pytest.mark.parametrize("name", [EU, "eu"])
async def test_a_cluster_or_a_region_moves_every_pool_that_is_open_there(stage: Stage, name: str) -> None:
    assert (await ask(stage, Verb.SWITCHOVER, name, {"to": US})).code == "ok"
    assert stage.groups.state(SOURCE) is GateState.SHUT


async def test_a_dry_run_prints_the_exact_calls_and_sends_nothing(stage: Stage) -> None:
    answer = await ask(stage, Verb.SWITCHOVER, "linux", {"to": US}, dry_run=True)
    assert (answer.state, answer.code, stage.groups.landed) == (RequestState.DONE, "ok", [])
    assert "PUT /orgs/acme/actions/runner-groups/" in answer.answer
    assert "selected_repository_ids" in answer.answer


async def test_failback_returns_to_where_the_switch_came_from(stage: Stage) -> None:
    there = await ask(stage, Verb.SWITCHOVER, "linux", {"to": US})
    process = stage.process()
    await process.store.submit(Request("r-2", Verb.FAILBACK, "ann", NOW, there.intent))
    stage.scene.put(verdict(SubjectKind.MEMBER, f"linux@{EU}"))
    for _ in range(3):
        stage.clock.advance(10)
        assessment = replace(stage.assessment(), last_job_at={f"linux@{EU}": stage.clock.now() + 1})
        commands = Commands(stage.fleet, process.store, process.executor, stage.clock)
        await commands.serve(Present(assessment, {}))
        for intent in await process.store.running():
            await process.executor.advance(intent, assessment)
    answer = await process.store.request("r-2")
    await process.store.close()
    assert answer is not None
    assert (answer.code, stage.groups.state(SOURCE), stage.groups.state(TARGET)) == (
        "ok",
        GateState.OPEN,
        GateState.SHUT,
    )


def unready(stage: Stage) -> None:
    stage.scene.ready[f"linux@{US}"] = False


def unread(stage: Stage) -> None:
    stage.scene.gates[f"linux@{US}"] = GateState.UNKNOWN


def well(stage: Stage) -> None:
    """Nothing is wrong with the stage; the request is."""


@pytest.mark.parametrize(
    ("spoil", "verb", "target", "arguments", "code"),
    [
        (well, Verb.SWITCHOVER, "nope", {"to": US}, "unknown-target"),
        (well, Verb.SWITCHOVER, "linux", {"to": "mars"}, "unknown-target"),
        (well, Verb.SWITCHOVER, "linux", {"to": EU}, "nothing-to-do"),
        (well, Verb.SWITCHOVER, US, {"to": EU}, "nothing-to-do"),
        (well, Verb.SWITCHOVER, "linux", {"to": US, "from": US}, "not-open"),
        (unready, Verb.SWITCHOVER, "linux", {"to": US}, "no-ready-target"),
        (unread, Verb.SWITCHOVER, "linux", {"to": US}, "gate-unknown"),
        (well, Verb.FAILBACK, "s-none", {}, "unknown-switch"),
        (well, Verb.APPROVE, "p-none", {}, "unknown-proposal"),
        (well, Verb.DENY, "p-none", {}, "unknown-proposal"),
        (well, Verb.PAUSE, "nope", {"until": "1e12", "reason": "x"}, "unknown-pool"),
        (well, Verb.UNPAUSE, "", {}, "nothing-to-do"),
    ],
)
async def test_what_can_not_be_done_is_refused_by_name(
    stage: Stage, spoil: object, verb: Verb, target: str, arguments: dict[str, str], code: str
) -> None:
    spoil(stage)  # type: ignore[operator]
    answer = await ask(stage, verb, target, arguments)
    assert (answer.state, answer.code) == (RequestState.REFUSED, code)
    assert answer.answer
    assert stage.groups.landed == []


async def test_force_goes_without_the_proof_of_readiness(stage: Stage) -> None:
    unready(stage)
    assert (await ask(stage, Verb.SWITCHOVER, "linux", {"to": US, "force": "true"})).code == "ok"


async def test_a_second_switch_is_refused_with_the_name_of_the_first(stage: Stage) -> None:
    process = stage.process()
    running = await process.executor.begin(await stage.wanted(process), AUTOMATIC)
    await process.store.close()
    stage.lease.seconds = 0
    answer = await ask(stage, Verb.SWITCHOVER, "linux", {"to": US, "from": US})
    assert (answer.code, running.id in answer.answer) == ("switch-running", True)


async def test_trouble_with_github_is_an_error_and_not_a_crash(stage: Stage) -> None:
    async def broken(_: object) -> None:
        raise Permanent("GitHub answered 422")

    process = stage.process()
    process.gate.read = broken  # type: ignore[method-assign, assignment]
    await process.store.submit(Request("r-1", Verb.SWITCHOVER, "ann", NOW, "linux", {"to": US}))
    await serve(stage, process)
    answer = await process.store.request("r-1")
    await process.store.close()
    assert answer is not None
    assert (answer.code, answer.answer) == ("error", "GitHub answered 422")


async def test_pause_and_unpause_are_kept_with_owner_reason_and_end(stage: Stage) -> None:
    assert (await ask(stage, Verb.PAUSE, "linux", {"until": str(NOW + 600), "reason": "upgrade"})).code == "ok"
    process = stage.process()
    (pause,) = await process.store.pauses()
    assert (pause.pool, pause.owner, pause.reason, pause.until) == ("linux", "ann", "upgrade", NOW + 600)
    assert [entry.what for entry in await process.store.history()] == ["paused"]
    await process.store.submit(Request("r-2", Verb.UNPAUSE, "bob", NOW, "linux"))
    await serve(stage, process)
    assert await process.store.pauses() == ()
    await process.store.close()


async def proposed(tmp_path: Path) -> Stage:
    scene = Scene(pools=(pool(policy=Policy(mode=Mode.PROPOSE)),)).fail()
    stage = Stage(tmp_path / "state.db", scene)
    await stage.adopt()
    wish = decide(stage.fleet, stage.assessment(), scene.with_states(), NOW)["linux"]
    process = stage.process()
    await process.store.save_proposal(
        Proposal(wish.proposal, "linux", wish.source, wish.target, wish.code, wish.sentence, NOW, NOW + 900)
    )
    await process.store.close()
    return stage


async def test_an_approved_proposal_begins_in_the_name_of_who_approved(tmp_path: Path) -> None:
    stage = await proposed(tmp_path)
    process = stage.process()
    (proposal,) = await process.store.proposals()
    await process.store.close()
    answer = await ask(stage, Verb.APPROVE, proposal.id)
    assert (answer.code, stage.groups.state(TARGET)) == ("ok", GateState.OPEN)
    process = stage.process()
    intent = await process.store.intent(answer.intent)
    assert intent is not None
    assert (intent.by, intent.automatic, await process.store.proposals()) == ("ann", False, ())
    await process.store.close()


async def test_an_expired_proposal_can_not_be_approved(tmp_path: Path) -> None:
    stage = await proposed(tmp_path)
    process = stage.process()
    (proposal,) = await process.store.proposals()
    await process.store.close()
    stage.clock.advance(1000)
    assert (await ask(stage, Verb.APPROVE, proposal.id)).code == "unknown-proposal"


async def test_a_denied_proposal_stays_denied(tmp_path: Path) -> None:
    stage = await proposed(tmp_path)
    process = stage.process()
    (proposal,) = await process.store.proposals()
    await process.store.close()
    assert (await ask(stage, Verb.DENY, proposal.id)).code == "ok"
    process = stage.process()
    assert [item.denied_by for item in await process.store.proposals()] == ["ann"]
    await process.store.close()


async def test_state_of_the_pool_is_what_was_asked_for(stage: Stage) -> None:
    await ask(stage, Verb.SWITCHOVER, "linux", {"to": US})
    process = stage.process()
    state = (await process.store.pools())["linux"]
    await process.store.close()
    assert state == PoolState("linux", 1, (US,))
