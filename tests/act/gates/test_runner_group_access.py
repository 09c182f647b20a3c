from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from observe.github.scripted import GROUPS, Bench, bench, group, groups, paged, reply, repositories

from monitor.act.gates import STRATEGIES, make_gates
from monitor.act.gates.runner_group_access import (
    RunnerGroupAccess,
    open_calls,
    restore_calls,
    shut_calls,
    state_of,
)
from monitor.model.errors import MonitorError, Refused, Transient
from monitor.model.fleet import GateRef, GateStrategy
from monitor.model.github import Repository, Visibility
from monitor.model.ports import Call, Gate
from monitor.model.switch import Access, GateImage
from monitor.model.verdict import GateState

GATE = GateRef(GateStrategy.RUNNER_GROUP_ACCESS, "main", "acme", "arc-eu")
UNIVERSE = tuple(Repository(number, f"acme/r{number}") for number in range(1, 9))
PRIVATE = frozenset(range(1, 6))
"""Of the universe these are private, the others public."""

SELECTED, ALL, PRIVATELY = Visibility.SELECTED, Visibility.ALL, Visibility.PRIVATE


def some(*numbers: int) -> tuple[Repository, ...]:
    return tuple(Repository(number, f"acme/r{number}") for number in numbers)


def canaries(*numbers: int) -> frozenset[str]:
    return frozenset(f"acme/r{number}" for number in numbers)


def image(visibility: Visibility = SELECTED, *numbers: int) -> GateImage:
    return GateImage(GATE, 7, visibility, False, False, (), some(*numbers), 0.0)


@dataclass(frozen=True)
class Group:
    """What GitHub keeps of a group, and how the calls change it. The list survives a change of visibility, hidden."""

    visibility: Visibility
    hidden: frozenset[int]
    public: bool = False
    restricted: bool = False
    workflows: tuple[str, ...] = ()

    @classmethod
    def of(cls, shown: GateImage, hidden: Iterable[int] = ()) -> "Group":
        listed = {item.id for item in shown.repositories}
        return cls(
            shown.visibility,
            frozenset(listed if shown.visibility is SELECTED else hidden),
            shown.allows_public_repositories,
            shown.restricted_to_workflows,
            shown.selected_workflows,
        )

    def after(self, call: Call) -> "Group":
        body = call.body
        assert body is not None
        if call.method == "PUT":
            assert call.path == "/orgs/acme/actions/runner-groups/7/repositories"
            assert self.visibility is SELECTED, "GitHub is never given a list that it has no use for"
            ids = body["selected_repository_ids"]
            assert isinstance(ids, list)
            assert ids == sorted(set(ids))
            return replace(self, hidden=frozenset(ids))
        assert (call.method, call.path) == ("PATCH", "/orgs/acme/actions/runner-groups/7")
        assert set(body) == {
            "name", "visibility", "allows_public_repositories", "restricted_to_workflows", "selected_workflows",
        }, "the full tuple, always"  # fmt: skip
        assert body["name"] == "arc-eu"
        workflows = body["selected_workflows"]
        assert isinstance(workflows, list)
        return Group(
            Visibility(str(body["visibility"])),
            self.hidden,
            bool(body["allows_public_repositories"]),
            bool(body["restricted_to_workflows"]),
            tuple(workflows),
        )

    @property
    def grants(self) -> frozenset[tuple[int, str]]:
        """Who may use the runners, and from which workflow; ``*`` is any."""
        ids = {
            SELECTED: self.hidden,
            PRIVATELY: PRIVATE,
            ALL: frozenset(item.id for item in UNIVERSE),
        }[self.visibility]
        let_in = {number for number in ids if self.public or number in PRIVATE}
        known = ("a", "b", "c", "*")
        ways = self.workflows if self.restricted else known
        return frozenset((number, way) for number in let_in for way in ways)

    @property
    def image(self) -> GateImage:
        shown = some(*sorted(self.hidden)) if self.visibility is SELECTED else ()
        return GateImage(GATE, 7, self.visibility, self.public, self.restricted, self.workflows, shown, 1.0)


def run(group_now: Group, calls: tuple[Call, ...]) -> list[Group]:
    """Every state on the way, the first one included."""
    states = [group_now]
    for call in calls:
        states.append(states[-1].after(call))
    return states


STATES = [
    # what GitHub shows, what the pool serves, canaries, what the gate is
    (image(SELECTED, 1, 2), Access(SELECTED, some(1, 2)), (), GateState.OPEN),
    (image(SELECTED, 1, 2, 3), Access(SELECTED, some(1, 2)), (), GateState.OPEN),
    (image(SELECTED, 1), Access(SELECTED, some(1, 2)), (), GateState.PARTIAL),
    (image(SELECTED, 3), Access(SELECTED, some(1, 2)), (), GateState.SHUT),
    (image(SELECTED), Access(SELECTED, some(1, 2)), (), GateState.SHUT),
    (image(SELECTED, 8), Access(SELECTED, some(1, 8)), (8,), GateState.SHUT),
    (image(SELECTED, 1, 8), Access(SELECTED, some(1)), (8,), GateState.OPEN),
    (image(SELECTED, 1), Access(SELECTED, some(1, 8)), (8,), GateState.OPEN),
    (image(SELECTED, 1), Access(SELECTED), (), GateState.UNKNOWN),
    (image(SELECTED), Access(SELECTED), (), GateState.SHUT),
    (image(SELECTED, 8), Access(SELECTED, some(8)), (8,), GateState.SHUT),
    (image(SELECTED), Access(ALL), (), GateState.SHUT),
    (image(SELECTED, 8), Access(ALL), (8,), GateState.SHUT),
    (image(SELECTED, 1), Access(ALL), (), GateState.PARTIAL),
    (image(ALL), Access(ALL), (), GateState.OPEN),
    (image(ALL), Access(SELECTED, some(1)), (), GateState.OPEN),
    (image(ALL), Access(SELECTED), (), GateState.OPEN),
    (image(PRIVATELY), Access(ALL), (), GateState.PARTIAL),
    (image(PRIVATELY), Access(PRIVATELY), (), GateState.OPEN),
    (image(PRIVATELY), Access(SELECTED, some(1)), (), GateState.OPEN),
]


@pytest.mark.parametrize(("shown", "access", "canary", "state"), STATES)
def test_the_state_of_a_group(shown: GateImage, access: Access, canary: tuple[int, ...], state: GateState) -> None:
    assert state_of(shown, access, canaries(*canary)) is state


def test_opening_adds_to_the_list_and_drops_nothing() -> None:
    (call,) = open_calls(image(SELECTED, 3, 8), Access(SELECTED, some(1, 2)))
    assert str(call) == "PUT /orgs/acme/actions/runner-groups/7/repositories"
    assert call.body == {"selected_repository_ids": [1, 2, 3, 8]}
    assert call.why == "let 2 more repositories into arc-eu"


def test_opening_to_everybody_sends_every_setting_back() -> None:
    shown = replace(image(SELECTED, 8), allows_public_repositories=True, selected_workflows=("a",))
    (call,) = open_calls(shown, Access(ALL))
    assert str(call) == "PATCH /orgs/acme/actions/runner-groups/7"
    assert call.body == {
        "name": "arc-eu",
        "visibility": "all",
        "allows_public_repositories": True,
        "restricted_to_workflows": False,
        "selected_workflows": ["a"],
    }


@pytest.mark.parametrize(
    ("shown", "access"),
    [
        (image(SELECTED, 1, 2, 3), Access(SELECTED, some(1, 2))),
        (image(ALL), Access(ALL)),
        (image(ALL), Access(PRIVATELY)),
        (image(ALL), Access(SELECTED, some(1))),
        (image(PRIVATELY), Access(PRIVATELY)),
        (image(PRIVATELY), Access(SELECTED, some(1))),
        (image(SELECTED, 1), Access(SELECTED)),
    ],
)
def test_an_open_group_needs_no_call(shown: GateImage, access: Access) -> None:
    assert open_calls(shown, access) == ()


def test_shutting_takes_out_what_the_pool_serves_and_nothing_else() -> None:
    (call,) = shut_calls(image(SELECTED, 1, 2, 3, 8), Access(SELECTED, some(1, 2)), canaries(8))
    assert call.body == {"selected_repository_ids": [3, 8]}
    assert call.why == "shut arc-eu: take out 2 repositories, keep 2"


def test_shutting_a_group_that_serves_everybody_leaves_the_canaries() -> None:
    calls = shut_calls(image(ALL), Access(ALL, some(1, 8)), canaries(8))
    assert [call.method for call in calls] == ["PATCH", "PUT"]
    assert calls[0].body is not None
    assert calls[0].body["visibility"] == "selected"
    assert calls[1].body == {"selected_repository_ids": [8]}


def test_shutting_the_list_of_a_pool_that_serves_everybody_leaves_the_canaries() -> None:
    (call,) = shut_calls(image(SELECTED, 1, 2, 8), Access(ALL), canaries(8))
    assert call.body == {"selected_repository_ids": [8]}


def test_canaries_go_by_name_without_regard_to_case() -> None:
    shown, access, canary = image(SELECTED, 1, 8), Access(SELECTED, some(1, 8)), frozenset({"ACME/R8"})
    (call,) = shut_calls(shown, access, canary)
    assert call.body == {"selected_repository_ids": [8]}
    assert state_of(image(SELECTED, 8), access, canary) is GateState.SHUT


def test_a_shut_group_needs_no_call() -> None:
    assert shut_calls(image(SELECTED, 3, 8), Access(SELECTED, some(1, 2)), canaries(8)) == ()
    assert shut_calls(image(SELECTED), Access(ALL), canaries()) == ()


def test_five_thousand_repositories_are_one_call_each_way() -> None:
    everybody = some(*range(1, 5001))
    standby = replace(image(SELECTED), repositories=some(9001))
    (opened,) = open_calls(standby, Access(SELECTED, everybody))
    assert opened.body is not None
    assert opened.body["selected_repository_ids"] == [*range(1, 5001), 9001]
    active = replace(image(SELECTED), repositories=(*everybody, *some(9001)))
    (shut,) = shut_calls(active, Access(SELECTED, everybody), canaries())
    assert shut.body == {"selected_repository_ids": [9001]}


def test_restoring_narrows_before_it_widens() -> None:
    before = replace(image(SELECTED, 1, 2), allows_public_repositories=True)
    calls = restore_calls(image(ALL), before)
    assert [call.method for call in calls] == ["PATCH", "PUT", "PATCH"]
    assert calls[0].body is not None
    assert (calls[0].body["visibility"], calls[0].body["allows_public_repositories"]) == ("selected", False)


def test_nothing_to_restore_needs_no_call() -> None:
    assert restore_calls(replace(image(SELECTED, 1), at=9.0), image(SELECTED, 1)) == ()


# Properties

ids = st.frozensets(st.integers(1, 8))
visibilities = st.sampled_from(Visibility)
canary_sets = ids.map(lambda numbers: canaries(*numbers))


@st.composite
def all_images(draw: st.DrawFn) -> GateImage:
    visibility = draw(visibilities)
    listed = draw(ids) if visibility is SELECTED else frozenset[int]()
    workflows = tuple(sorted(draw(st.frozensets(st.sampled_from("abc"), max_size=2))))
    restricted = draw(st.booleans()) and bool(workflows)
    return GateImage(GATE, 7, visibility, draw(st.booleans()), restricted, workflows, some(*sorted(listed)), 0.0)


all_accesses = st.builds(Access, visibilities, ids.map(lambda numbers: some(*sorted(numbers))))


@given(all_images(), all_accesses, canary_sets, ids)
def test_an_opened_group_is_open_and_nobody_is_dropped(
    shown: GateImage, access: Access, canary: frozenset[str], hidden: frozenset[int]
) -> None:
    states = run(Group.of(shown, hidden), open_calls(shown, access))
    end = states[-1]
    wanted = {item.full_name for item in access.repositories} - canary
    if access.visibility is not SELECTED or wanted or shown.visibility is not SELECTED:
        assert state_of(end.image, access, canary) is GateState.OPEN
    assert open_calls(end.image, access) == ()
    assert len(states) <= 2, "one call, so that there is no half-way"
    dropped = {number for number, _ in states[0].grants - end.grants}
    assert not dropped or (end.visibility is PRIVATELY and not dropped & PRIVATE)
    added = {number for number, _ in end.grants - states[0].grants}
    if access.visibility is SELECTED:
        assert added <= {item.id for item in access.repositories}


@given(all_images(), all_accesses, canary_sets, ids)
def test_a_shut_group_is_shut_and_never_lets_in_more_on_the_way(
    shown: GateImage, access: Access, canary: frozenset[str], hidden: frozenset[int]
) -> None:
    states = run(Group.of(shown, hidden), shut_calls(shown, access, canary))
    end = states[-1]
    told = {number for number in range(1, 9) if f"acme/r{number}" in canary}
    if shown.visibility is PRIVATELY and shown.allows_public_repositories:
        told |= hidden - PRIVATE  # the one case that the code tells of
    assert state_of(end.image, access, canary) in {GateState.SHUT, GateState.UNKNOWN}
    if access.repositories and not {item.full_name for item in access.repositories} <= canary:
        assert state_of(end.image, access, canary) is GateState.SHUT
    assert shut_calls(end.image, access, canary) == ()
    for state in states:
        assert {number for number, _ in state.grants - states[0].grants} <= told
    assert (end.public, end.restricted, end.workflows) == (
        shown.allows_public_repositories, shown.restricted_to_workflows, shown.selected_workflows,
    )  # fmt: skip


@given(all_images(), all_accesses, canary_sets)
def test_shutting_keeps_canaries_and_whoever_is_out_of_scope(
    shown: GateImage, access: Access, canary: frozenset[str]
) -> None:
    end = run(Group.of(shown), shut_calls(shown, access, canary))[-1]
    if shown.visibility is SELECTED:
        listed = {item.id for item in shown.repositories if item.full_name in canary}
        if access.visibility is SELECTED:
            listed |= {item.id for item in shown.repositories} - {item.id for item in access.repositories}
        assert listed <= end.hidden


@given(all_images(), all_accesses, canary_sets, ids, st.integers(0, 1))
def test_a_shut_that_is_killed_half_way_goes_on_from_what_it_reads(
    shown: GateImage, access: Access, canary: frozenset[str], hidden: frozenset[int], done: int
) -> None:
    half = run(Group.of(shown, hidden), shut_calls(shown, access, canary)[:done])[-1]
    end = run(half, shut_calls(half.image, access, canary))[-1]
    assert state_of(end.image, access, canary) in {GateState.SHUT, GateState.UNKNOWN}
    assert shut_calls(end.image, access, canary) == ()


@given(all_images(), all_accesses, canary_sets, ids)
def test_opening_what_was_shut_lets_the_same_ones_in(
    shown: GateImage, access: Access, canary: frozenset[str], hidden: frozenset[int]
) -> None:
    shut = run(Group.of(shown, hidden), shut_calls(shown, access, canary))[-1]
    end = run(shut, open_calls(shut.image, access))[-1]
    if access.visibility is SELECTED:
        assert {item.id for item in access.repositories} <= end.hidden
    else:
        assert end.visibility is access.visibility


@given(all_images(), all_images(), ids, st.integers(0, 3))
def test_restoring_gives_the_before_image_back_from_wherever_it_was_killed(
    shown: GateImage, before: GateImage, hidden: frozenset[int], done: int
) -> None:
    half = run(Group.of(shown, hidden), restore_calls(shown, before)[:done])[-1]
    end = run(half, restore_calls(half.image, before))[-1]
    assert replace(end.image, at=0.0) == before
    assert restore_calls(end.image, before) == ()


PUBLIC_ALLOWED = replace(image(SELECTED), allows_public_repositories=True)


@example(replace(PUBLIC_ALLOWED, visibility=PRIVATELY), PUBLIC_ALLOWED, frozenset({6}))
@given(all_images(), all_images(), ids)
def test_no_state_on_the_way_back_lets_in_who_was_let_in_neither_before_nor_after(
    shown: GateImage, before: GateImage, hidden: frozenset[int]
) -> None:
    states = run(Group.of(shown, hidden), restore_calls(shown, before))
    nothing_in_common = (
        shown.restricted_to_workflows
        and before.restricted_to_workflows
        and not set(shown.selected_workflows) & set(before.selected_workflows)
    )
    if nothing_in_common:  # told in the code: an empty list of workflows is not documented
        return
    for state in states:
        assert state.grants <= states[0].grants | states[-1].grants


@given(all_images(), all_accesses, canary_sets, ids)
def test_a_switch_that_is_taken_back_leaves_no_trace(
    shown: GateImage, access: Access, canary: frozenset[str], hidden: frozenset[int]
) -> None:
    shut = run(Group.of(shown, hidden), shut_calls(shown, access, canary))[-1]
    assert replace(run(shut, restore_calls(shut.image, shown))[-1].image, at=0.0) == shown


# Reading and sending


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("ARC_TEST_TOKEN", "ghp_planted0secret")
    return bench()


def gate_of(scene: Bench) -> RunnerGroupAccess:
    return RunnerGroupAccess({"main": scene.client}, scene.clock)


@pytest.mark.anyio
async def test_reading_takes_the_whole_group_past_the_cache(scene: Bench) -> None:
    told = group(7, "arc-eu", allows_public_repositories=True, restricted_to_workflows=True, selected_workflows=["a"])
    scene.github.on(f"GET {GROUPS}", paged("runner_groups", [group(1, "Default", "all"), told], linked=False))
    scene.github.on(f"GET {GROUPS}/7/repositories", paged("repositories", repositories(*range(250)), linked=False))
    gate = gate_of(scene)
    for _ in range(2):
        read = await gate.read(GATE)
        assert read == GateImage(GATE, 7, SELECTED, True, True, ("a",), some(*range(250)), scene.clock.at)
    assert len(scene.github.seen) == 8
    assert not any("if-none-match" in seen.headers for seen in scene.github.seen)


@pytest.mark.anyio
async def test_a_group_without_a_list_has_none_read(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", reply(groups(group(7, "arc-eu", "all"))))
    assert (await gate_of(scene).read(GATE)).repositories == ()
    assert len(scene.github.seen) == 1


@pytest.mark.anyio
async def test_a_group_that_was_made_anew_is_found_by_its_name(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", reply(groups(group(7, "arc-eu", "all"))), reply(groups(group(9, "arc-eu", "all"))))
    gate = gate_of(scene)
    assert [(await gate.read(GATE)).group_id for _ in range(2)] == [7, 9]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("told", "code"),
    [
        (groups(group(7, "other")), "gate-unknown"),
        (groups(group(7, "ARC-eu")), "gate-unknown"),
        (groups(group(7, "arc-eu", inherited=True)), "gate-inherited"),
        (groups(group(7, "arc-eu", "somehow")), "gate-unknown"),
    ],
)
async def test_a_group_that_is_no_gate_is_refused(scene: Bench, told: dict[str, object], code: str) -> None:
    scene.github.on(f"GET {GROUPS}", reply(told))
    with pytest.raises(Refused) as caught:
        await gate_of(scene).read(GATE)
    assert caught.value.code == code
    assert "arc-eu" in caught.value.reason


@pytest.mark.anyio
async def test_the_organisations_own_group_goes_before_the_enterprises_namesake(scene: Bench) -> None:
    told = groups(group(5, "arc-eu", "all", inherited=True), group(7, "arc-eu", "all"))
    scene.github.on(f"GET {GROUPS}", reply(told))
    assert (await gate_of(scene).read(GATE)).group_id == 7


@pytest.mark.anyio
async def test_half_a_list_of_repositories_is_no_image(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", reply(groups(group(7, "arc-eu"))))
    whole = paged("repositories", repositories(*range(250)), linked=False)
    scene.github.on(f"GET {GROUPS}/7/repositories", whole, reply({}, 500))
    with pytest.raises(Transient):
        await gate_of(scene).read(GATE)


@pytest.mark.anyio
async def test_repositories_that_we_may_not_see_are_not_dropped_unseen(scene: Bench) -> None:
    scene.github.on(f"GET {GROUPS}", reply(groups(group(7, "arc-eu"))))
    hidden = paged("repositories", repositories(1, 2), linked=False, total=3)
    scene.github.on(f"GET {GROUPS}/7/repositories", hidden)
    with pytest.raises(MonitorError, match="only 2 of 3"):
        await gate_of(scene).read(GATE)


@pytest.mark.anyio
async def test_what_is_sent_is_the_call_to_the_letter(scene: Bench) -> None:
    scene.github.on("PUT /orgs/acme/actions/runner-groups/7/repositories", reply(None, 204))
    (call,) = open_calls(image(SELECTED), Access(SELECTED, some(1)))
    assert await gate_of(scene).send(GATE, call) == "REQ:1"
    assert scene.github.seen[0].body == call.body


@pytest.mark.anyio
async def test_an_unknown_connection_is_refused(scene: Bench) -> None:
    with pytest.raises(Refused, match="no connection other"):
        await gate_of(scene).read(replace(GATE, connection="other"))


def test_every_strategy_is_registered(scene: Bench) -> None:
    gates = make_gates({"main": scene.client}, scene.clock)
    assert set(gates) == set(STRATEGIES) == set(GateStrategy)
    gate: Gate = gates[GateStrategy.RUNNER_GROUP_ACCESS]
    assert gate.state(image(ALL), Access(ALL), frozenset()) is GateState.OPEN
    assert gate.open_calls(image(ALL), Access(ALL)) == ()
    assert gate.shut_calls(image(SELECTED), Access(ALL), frozenset()) == ()
    assert gate.restore_calls(image(SELECTED), image(SELECTED)) == ()
