"""What a person may ask for, and what the proof of the target says to it."""

from dataclasses import replace

import pytest
from decide.scene import EU, NOW, US, Scene

from monitor.assess.readiness import FENCE
from monitor.decide.planned import planned
from monitor.model.errors import Refused
from monitor.model.switch import Fence, PoolState
from monitor.model.verdict import Assessment, Check, Readiness


def after_a_failover(scene: Scene, *failing: str) -> Assessment:
    """The pool has left one cluster for the other one; there, these checks fail."""
    scene.states["linux"] = PoolState("linux", 1, (US,), (Fence(EU, "s-1", NOW - 900, "it was dark"),))
    checks = (
        Check("listener", "listener" not in failing, "the listener", NOW),
        Check(FENCE, FENCE not in failing, "", NOW),
    )
    member = f"linux@{EU}"
    return replace(scene.assessment, readiness={member: Readiness(member, checks)})


def test_a_fence_does_not_keep_a_person_from_going_back() -> None:
    scene = Scene()
    assessment = after_a_failover(scene, FENCE)
    wanted = planned(scene.fleet, scene.pools[0], EU, assessment, scene.with_states())
    assert (wanted.source, wanted.target) == ((US,), (EU,))


@pytest.mark.parametrize("failing", [("listener",), ("listener", FENCE)])
def test_anything_else_that_is_missing_does(failing: tuple[str, ...]) -> None:
    scene = Scene()
    assessment = after_a_failover(scene, *failing)
    with pytest.raises(Refused, match="the listener") as refused:
        planned(scene.fleet, scene.pools[0], EU, assessment, scene.with_states())
    assert refused.value.code == "no-ready-target"
    assert planned(scene.fleet, scene.pools[0], EU, assessment, scene.with_states(), force=True).target == (EU,)
