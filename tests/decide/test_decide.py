"""Each block alone keeps a switch from beginning, and nothing but the blocks does."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from decide.scene import EU, NOW, US, Scene, hold, pool, verdict

from monitor.decide import decide
from monitor.decide.blocks import BLOCKS, SOFT
from monitor.decide.decide import phase_of, proposal_id
from monitor.model.decision import BlockCode, Decision, DecisionKind
from monitor.model.fleet import Mode, Order, Policy, Serve
from monitor.model.github import Visibility
from monitor.model.signal import Path
from monitor.model.switch import (
    Access,
    Fence,
    Intent,
    Outcome,
    Pause,
    Phase,
    PoolState,
    Proposal,
    SwitchKind,
)
from monitor.model.verdict import GateState, Health, SubjectKind

SICK = f"linux@{EU}"
SPARE = f"linux@{US}"


def decided(scene: Scene, name: str = "linux") -> Decision:
    return decide(scene.fleet, scene.assessment, scene.with_states(), NOW)[name]


def intent(*, created_at: float, outcome: Outcome | None = Outcome.DONE, automatic: bool = True) -> Intent:
    return Intent(
        id=f"s-{created_at:.0f}",
        kind=SwitchKind.FAILOVER,
        pools=("linux",),
        epochs={"linux": 1},
        source=(EU,),
        target=(US,),
        automatic=automatic,
        by="arc-monitor",
        reason="",
        code="RunnersPending",
        order=Order.MAKE_BEFORE_BREAK,
        steps=(),
        access=Access(Visibility.SELECTED),
        before=(),
        created_at=created_at,
        phase=Phase.STABLE,
        outcome=outcome,
    )


def with_policy(**changes: object) -> Callable[[Scene], Scene]:
    def change(scene: Scene) -> Scene:
        policy = replace(scene.pools[0].policy, **changes)  # type: ignore[arg-type]
        scene.pools = (replace(scene.pools[0], policy=policy), *scene.pools[1:])
        return scene

    return change


def test_a_confirmed_fault_with_a_ready_target_begins_a_switch() -> None:
    decision = decided(Scene().fail())
    assert decision.kind is DecisionKind.SWITCH
    assert (decision.source, decision.target, decision.blocks) == ((EU,), (US,), ())
    assert "linux from eu-west to us-east" in decision.sentence


def test_all_well_is_steady() -> None:
    decision = decided(Scene())
    assert (decision.kind, decision.code) == (DecisionKind.NONE, "Steady")


def observe(scene: Scene) -> Scene:
    return with_policy(mode=Mode.OBSERVE)(scene)


def paused_pool(scene: Scene) -> Scene:
    scene.situation = replace(scene.situation, pauses=(Pause("linux", "ann", "upgrade", NOW - 1, NOW + 60),))
    return scene


def paused_fleet(scene: Scene) -> Scene:
    scene.situation = replace(scene.situation, pauses=(Pause("", "ann", "upgrade", NOW - 1, NOW + 60),))
    return scene


def blind(scene: Scene) -> Scene:
    scene.put(verdict(SubjectKind.OBSERVER, "arc-monitor", Health.BLIND))
    return scene


def quiet(scene: Scene) -> Scene:
    scene.quiet_until = NOW + 1
    return scene


def github_failing(scene: Scene) -> Scene:
    scene.put(verdict(SubjectKind.GITHUB, "acme", Health.FAILED))
    return scene


def github_holding(scene: Scene) -> Scene:
    finding = hold(SubjectKind.GITHUB, "acme", "GitHubBudget", Health.HEALTHY)
    scene.put(verdict(SubjectKind.GITHUB, "acme", findings=(finding,)))
    return scene


def same_everywhere(scene: Scene) -> Scene:
    finding = hold(SubjectKind.POOL, "linux", "SameFaultEverywhere")
    scene.put(verdict(SubjectKind.POOL, "linux", Health.DEGRADED, findings=(finding,)))
    return scene


def only_suspected(scene: Scene) -> Scene:
    held = scene.verdicts[scene.assessment.member(SICK).subject]
    scene.put(replace(held, health=Health.HEALTHY, seen_since=NOW - 47, readings=3))
    return scene


def one_path(scene: Scene) -> Scene:
    return scene.fail(paths=(Path.KUBERNETES,))


def no_impact(scene: Scene) -> Scene:
    return scene.fail(impact=False)


def source_gate_unread(scene: Scene) -> Scene:
    scene.gates[SICK] = GateState.UNKNOWN
    return scene


def target_gate_unread(scene: Scene) -> Scene:
    scene.gates[SPARE] = GateState.UNKNOWN
    return scene


def target_not_ready(scene: Scene) -> Scene:
    scene.ready[SPARE] = False
    return scene


def target_not_known(scene: Scene) -> Scene:
    scene.ready[SPARE] = None
    return scene


def target_fenced(scene: Scene) -> Scene:
    scene.states["linux"] = PoolState("linux", 1, (EU,), (Fence(US, "s-1", NOW - 9000, "failed"),))
    return scene


def target_sick(scene: Scene) -> Scene:
    scene.put(verdict(SubjectKind.MEMBER, SPARE, Health.FAILED))
    return scene


def running(scene: Scene) -> Scene:
    scene.situation = replace(
        scene.situation, intents=(intent(created_at=NOW - 90_000, outcome=None, automatic=False),)
    )
    return scene


def unwritable(scene: Scene) -> Scene:
    scene.situation = replace(scene.situation, store_writable=False, store_reason="disk full")
    return scene


def denied(scene: Scene) -> Scene:
    name = proposal_id("linux", EU, US, "RunnersPending")
    proposal = Proposal(name, "linux", (EU,), (US,), "RunnersPending", "", NOW - 5, NOW + 60, "ann")
    scene.situation = replace(scene.situation, proposals=(proposal,))
    return scene


def cooling(scene: Scene) -> Scene:
    scene.situation = replace(scene.situation, intents=(intent(created_at=NOW - 3599),))
    return scene


def spent(scene: Scene) -> Scene:
    scene.situation = replace(
        scene.situation, intents=(intent(created_at=NOW - 80_000), intent(created_at=NOW - 40_000))
    )
    return scene


def shared_and_well(scene: Scene) -> Scene:
    other = Scene(pools=(*scene.pools, pool("windows")))
    return other.fail()


def last_gate(scene: Scene) -> Scene:
    with_policy(serve=Serve.ALL)(scene)
    scene.states["linux"] = PoolState("linux", 0, (EU, US))
    scene.gates[SPARE] = GateState.OPEN
    scene.put(verdict(SubjectKind.MEMBER, SPARE, Health.FAILED))
    return scene


SPOILERS: tuple[tuple[Callable[[Scene], Scene], BlockCode], ...] = (
    (observe, BlockCode.MODE_OBSERVE),
    (paused_pool, BlockCode.PAUSED),
    (paused_fleet, BlockCode.PAUSED),
    (blind, BlockCode.OBSERVER_BLIND),
    (quiet, BlockCode.QUIET_START),
    (github_failing, BlockCode.GITHUB_UNWELL),
    (github_holding, BlockCode.GITHUB_UNWELL),
    (same_everywhere, BlockCode.CORRELATED),
    (only_suspected, BlockCode.NOT_CONFIRMED),
    (one_path, BlockCode.ONE_PATH_ONLY),
    (no_impact, BlockCode.NO_USER_IMPACT),
    (source_gate_unread, BlockCode.GATE_UNKNOWN),
    (target_gate_unread, BlockCode.GATE_UNKNOWN),
    (target_not_ready, BlockCode.NO_READY_TARGET),
    (target_not_known, BlockCode.NO_READY_TARGET),
    (target_fenced, BlockCode.NO_READY_TARGET),
    (target_sick, BlockCode.NO_READY_TARGET),
    (last_gate, BlockCode.LAST_OPEN_GATE),
    (running, BlockCode.SWITCH_RUNNING),
    (unwritable, BlockCode.STORE_UNWRITABLE),
    (denied, BlockCode.DENIED),
    (shared_and_well, BlockCode.SHARED_GATE),
    (cooling, BlockCode.COOL_DOWN),
    (spent, BlockCode.BUDGET_SPENT),
)


@pytest.mark.parametrize(("spoil", "code"), SPOILERS, ids=lambda item: getattr(item, "__name__", str(item)))
def test_each_missing_condition_blocks_alone(spoil: Callable[[Scene], Scene], code: BlockCode) -> None:
    decision = decided(spoil(Scene().fail()))
    assert decision.kind is not DecisionKind.SWITCH
    assert [block.code for block in decision.blocks] == [code]
    assert decision.blocks[0].sentence


def test_every_block_has_a_case() -> None:
    assert {code for _, code in SPOILERS} == set(BlockCode)
    assert len(BLOCKS) == len(BlockCode)


@pytest.mark.parametrize("spoil", [cooling, spent, shared_and_well], ids=lambda item: item.__name__)
def test_soft_blocks_leave_a_proposal(spoil: Callable[[Scene], Scene]) -> None:
    decision = decided(spoil(Scene().fail()))
    assert decision.kind is DecisionKind.PROPOSE
    assert decision.proposal
    assert {block.code for block in decision.blocks} <= SOFT


def test_mode_propose_proposes_and_mode_observe_alerts() -> None:
    assert decided(with_policy(mode=Mode.PROPOSE)(Scene()).fail()).kind is DecisionKind.PROPOSE
    assert decided(observe(Scene()).fail()).kind is DecisionKind.ALERT


def test_propose_does_not_propose_what_cannot_work() -> None:
    decision = decided(target_not_ready(with_policy(mode=Mode.PROPOSE)(Scene()).fail()))
    assert (decision.kind, decision.proposal) == (DecisionKind.HOLD, "")


def test_a_shut_member_that_fails_moves_nothing() -> None:
    decision = decided(Scene().fail(SPARE))
    assert decision.kind is not DecisionKind.SWITCH
    assert not decision.wanted


def test_a_fault_that_is_over_moves_nothing() -> None:
    scene = Scene().fail()
    scene.put(replace(scene.assessment.member(SICK), seen=Health.HEALTHY))
    assert not decided(scene).wanted


def test_pools_that_share_the_gate_move_together_when_both_are_sick() -> None:
    scene = Scene(pools=(pool(), pool("windows"))).fail().fail(f"windows@{EU}")
    decision = decided(scene)
    assert decision.kind is DecisionKind.SWITCH
    assert decision.scope == ("windows",)


def test_an_unready_sharer_blocks() -> None:
    scene = Scene(pools=(pool(), pool("windows"))).fail().fail(f"windows@{EU}")
    scene.ready[f"windows@{US}"] = False
    assert [block.code for block in decided(scene).blocks] == [BlockCode.NO_READY_TARGET]


def test_pools_with_gates_of_their_own_do_not_move() -> None:
    scene = Scene(pools=(pool(), pool("windows", groups=("win-eu", "win-us")))).fail()
    decision = decided(scene)
    assert (decision.kind, decision.scope) == (DecisionKind.SWITCH, ())


def test_active_active_shuts_the_sick_member_only() -> None:
    scene = Scene(pools=(pool(policy=Policy(mode=Mode.AUTO, serve=Serve.ALL)),)).fail()
    scene.states["linux"] = PoolState("linux", 0, (EU, US))
    scene.gates[SPARE] = GateState.OPEN
    decision = decided(scene)
    assert (decision.kind, decision.source, decision.target) == (DecisionKind.SWITCH, (EU,), ())


@pytest.mark.parametrize(
    ("spoil", "phase"),
    [
        (lambda scene: scene, Phase.CONFIRMED),
        (only_suspected, Phase.SUSPECT),
        (cooling, Phase.PROPOSED),
    ],
)
def test_the_phase_before_a_switch_follows_the_table(spoil: Callable[[Scene], Scene], phase: Phase) -> None:
    scene = spoil(Scene().fail())
    assert phase_of(scene.states["linux"], decided(scene)) is phase


def test_a_proposal_keeps_its_name() -> None:
    scene = cooling(Scene().fail())
    assert decided(scene).proposal == decided(scene).proposal == proposal_id("linux", EU, US, "RunnersPending")
