"""Who moves where: the target of a switch, and everything else that shares its gates and so moves with it."""

from dataclasses import dataclass

from monitor.model.fleet import Fleet, GateRef, Member, Pool, Serve
from monitor.model.switch import PoolState
from monitor.model.verdict import Assessment, GateState, Health


@dataclass(frozen=True, slots=True)
class Moving:
    """A switch as seen before it is written down.

    Attributes:
        pools: every pool that moves, the one that wants it first.
        source: clusters to be shut.
        target: clusters to be opened; empty when only a sick member of an active/active pool is shut.
        opens: gates that open; ``shuts`` gates that shut.
        missing: pools that share a gate but have no member where they would have to go.
    """

    pools: tuple[str, ...]
    source: tuple[str, ...]
    target: tuple[str, ...]
    opens: tuple[GateRef, ...]
    shuts: tuple[GateRef, ...]
    missing: tuple[str, ...] = ()

    @property
    def scope(self) -> tuple[str, ...]:
        """The pools that move only because they share a gate."""
        return self.pools[1:]


def candidates(pool: Pool, state: PoolState, source: str) -> tuple[Member, ...]:
    """The members that a switch away from ``source`` may go to, in order of preference."""
    return tuple(
        member
        for member in pool.members
        if member.cluster != source and member.eligible and member.cluster not in state.fenced
    )


def choose_target(pool: Pool, state: PoolState, source: str, assessment: Assessment) -> Member | None:
    """The most preferred candidate that is proven ready now; None when there is none."""
    return next(
        (member for member in candidates(pool, state, source) if _can_serve(member, assessment)),
        None,
    )


def survivors(pool: Pool, state: PoolState, source: str, assessment: Assessment) -> tuple[Member, ...]:
    """The other members of an active/active pool whose gates are open and who are well."""
    return tuple(
        member
        for member in pool.members
        if member.cluster != source
        and member.cluster in state.open
        and assessment.gates.get(member.name) is GateState.OPEN
        and assessment.member(member.name).seen is Health.HEALTHY
    )


def moving(fleet: Fleet, states: dict[str, PoolState], pool: Pool, source: str, target: str) -> Moving:
    """Everything that moves when ``pool`` leaves ``source`` for ``target`` (empty: it only leaves).

    Members behind one gate move together, so pools that share the source's gate, or would be let in by the target's,
    belong to the same switch.
    """
    gates = {pool.member(source).gate} | ({pool.member(target).gate} if target else set())
    pools, missing = [pool.name], []
    for other in fleet.pools.values():
        behind = [member for member in other.members if member.gate in gates]
        if other.name == pool.name or not _affected(behind, states.get(other.name), source):
            continue
        pools.append(other.name)
        clusters = {member.cluster for member in other.members}
        stays = other.policy.serve is Serve.ALL
        if target and not stays and target not in clusters:
            missing.append(other.name)
    members = [fleet.pools[name] for name in pools]
    return Moving(
        pools=tuple(pools),
        source=(source,),
        target=(target,) if target else (),
        opens=_gates(members, target) if target else (),
        shuts=_gates(members, source),
        missing=tuple(missing),
    )


def _can_serve(member: Member, assessment: Assessment) -> bool:
    readiness = assessment.readiness.get(member.name)
    verdict = assessment.member(member.name)
    return (
        readiness is not None
        and readiness.ready
        and verdict.health in {Health.HEALTHY, Health.DEGRADED}
        and verdict.seen is Health.HEALTHY
    )


def _affected(behind: list[Member], state: PoolState | None, source: str) -> bool:
    """Whether a pool with these members behind the moving gates would be moved by them."""
    open_now = set(state.open) if state else set()
    loses = any(member.cluster == source and source in open_now for member in behind)
    gains = any(member.cluster != source and member.cluster not in open_now for member in behind)
    return loses or gains


def _gates(pools: list[Pool], cluster: str) -> tuple[GateRef, ...]:
    """The distinct gates of these pools in a cluster, in a stable order."""
    found = {member.gate for pool in pools for member in pool.members if member.cluster == cluster}
    return tuple(sorted(found))
