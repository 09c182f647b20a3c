"""Values to store: one of each kind by hand, and any of each kind by hypothesis."""

import dataclasses
import enum
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from monitor.model.fleet import GateRef, GateStrategy, Order
from monitor.model.github import Repository, Visibility
from monitor.model.switch import (
    Access,
    GateImage,
    HistoryEntry,
    Intent,
    Outcome,
    Phase,
    PoolState,
    Proposal,
    Request,
    Step,
    StepAction,
    SwitchKind,
    Verb,
)

GATE = GateRef(GateStrategy.RUNNER_GROUP_ACCESS, "acme", "acme", "arc-eu")
IMAGE = GateImage(GATE, 7, Visibility.SELECTED, True, False, (), (Repository(1, "acme/web"),), 5.0)


def state(pool: str = "linux", epoch: int = 1, **changes: Any) -> PoolState:
    """A pool's state."""
    return dataclasses.replace(PoolState(pool, epoch, ("eu-west",)), **changes)


def intent(name: str = "i1", pools: tuple[str, ...] = ("linux",), epoch: int = 1, **changes: Any) -> Intent:
    """A running switch."""
    running = Intent(
        id=name,
        kind=SwitchKind.FAILOVER,
        pools=pools,
        epochs=dict.fromkeys(pools, epoch),
        source=("eu-west",),
        target=("us-east",),
        automatic=True,
        by="arc-monitor",
        reason="a black hole",
        code="RunnersPending",
        order=Order.MAKE_BEFORE_BREAK,
        steps=(Step("open arc-us", StepAction.OPEN, GATE, ("linux@us-east",)),),
        access=Access(Visibility.SELECTED, (Repository(1, "acme/web"),)),
        before=(IMAGE,),
        created_at=10.0,
        phase=Phase.OPENING,
    )
    return dataclasses.replace(running, **changes)


def ended(running: Intent) -> Intent:
    """The same switch, done."""
    return dataclasses.replace(running, outcome=Outcome.DONE, finished_at=20.0, phase=Phase.STABLE)


def entry(at: float = 20.0, pool: str = "linux", name: str = "i1") -> HistoryEntry:
    """A line of history."""
    return HistoryEntry(at, pool, "switch", f"switch {name} done", name)


def request(name: str = "r1", at: float = 1.0) -> Request:
    """An operator's request."""
    return Request(name, Verb.SWITCHOVER, "ann", at, "linux", {"to": "us-east"})


def proposal(name: str = "p1") -> Proposal:
    """A switch that waits for a person."""
    return Proposal(name, "linux", ("eu-west",), ("us-east",), "RunnersPending", "move", 1.0, 2.0)


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of ``kind``: a dataclass of the model, or what its fields are made of."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: any_of(hints[field.name]) for field in dataclasses.fields(kind)})
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return st.one_of([st.none() if each is type(None) else any_of(each) for each in inner])
    if origin is tuple:
        return st.lists(any_of(inner[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(any_of(inner[0]), any_of(inner[1]), max_size=3)
    return _PLAIN[kind]


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
}
