"""What a pool is meant to serve, and what each member's gate lets through of it."""

from collections.abc import Iterable, Mapping

from monitor.model.board import Snapshot
from monitor.model.fleet import GateRef, Pool
from monitor.model.github import Repository, RunnerGroup, Visibility
from monitor.model.switch import Access
from monitor.model.verdict import GateState


def find_group(groups: Mapping[str, RunnerGroup] | None, name: str) -> RunnerGroup | None:
    """The runner group called ``name``; GitHub compares names without regard to case."""
    if groups is None:
        return None
    if (exact := groups.get(name)) is not None:
        return exact
    folded = name.casefold()
    return next((group for key, group in sorted(groups.items()) if key.casefold() == folded), None)


def serving(group: RunnerGroup, canary: frozenset[str]) -> frozenset[Repository] | None:
    """The repositories on a group's list, canary repositories left out; None when the list was not read."""
    if group.repositories is None:
        return None
    return frozenset(repository for repository in group.repositories if repository.full_name.casefold() not in canary)


def scope(pool: Pool, snapshot: Snapshot) -> Access | None:
    """Which repositories the pool is meant to serve; None when one of its groups was not read whole.

    It is the union of what its members' groups serve, canary repositories left out: a switch moves access from one
    group to another, so that the union stays the same at every step. Where any member's group serves all (or all
    private) repositories, so does the pool.
    """
    canary = folded(pool.canary_repositories)
    repositories: set[Repository] = set()
    wide: set[Visibility] = set()
    for gate in sorted({member.gate for member in pool.members}):
        groups = groups_of(gate, snapshot)
        if groups is None:
            return None
        group = find_group(groups, gate.group)
        if group is None:
            continue
        if group.visibility is not Visibility.SELECTED:
            wide.add(group.visibility)
            continue
        served = serving(group, canary)
        if served is None:
            return None
        repositories |= served
    visibility = next((one for one in (Visibility.ALL, Visibility.PRIVATE) if one in wide), Visibility.SELECTED)
    return Access(visibility, tuple(sorted(repositories)))


def groups_of(gate: GateRef, snapshot: Snapshot) -> Mapping[str, RunnerGroup] | None:
    """The runner groups as the gate's connection reported them last; None when they were not read."""
    observation = snapshot.github.get(gate.connection)
    return observation.groups if observation else None


def gate_state(group: RunnerGroup | None, access: Access | None, canary: frozenset[str]) -> GateState:
    """What a gate lets through, measured against ``access``.

    Args:
        group: the runner group, None when it is not there or was not read.
        access: what the pool is meant to serve, None when that is not known.
        canary: folded full names of repositories that stay on a shut gate's list.
    """
    if group is None:
        return GateState.UNKNOWN
    if group.visibility is Visibility.SELECTED and group.repositories is None:
        return GateState.UNKNOWN
    if access is None:
        shut = group.visibility is Visibility.SELECTED and not serving(group, canary)
        return GateState.SHUT if shut else GateState.UNKNOWN
    return lets_through(group.visibility, group.repositories or (), access, canary)


def lets_through(
    visibility: Visibility, repositories: Iterable[Repository], access: Access, canary: frozenset[str]
) -> GateState:
    """What a group of this visibility and list lets through, measured against what it should serve.

    OPEN when every repository of ``access`` is let in, SHUT when none is, PARTIAL in between; canaries never count.
    A group that is ``private`` counts as open to a list of repositories, though it keeps public ones out: access
    lists do not tell which are public. UNKNOWN only where ``access`` names nobody and the group lets somebody in,
    because then nothing says whether that is as it should be.
    """
    if visibility is not Visibility.SELECTED:
        narrower = visibility is Visibility.PRIVATE and access.visibility is Visibility.ALL
        return GateState.PARTIAL if narrower else GateState.OPEN
    served = without(repositories, canary)
    if not served:
        return GateState.SHUT
    if access.visibility is not Visibility.SELECTED:
        return GateState.PARTIAL
    wanted = without(access.repositories, canary)
    if not wanted:
        return GateState.UNKNOWN
    if wanted <= served:
        return GateState.OPEN
    return GateState.PARTIAL if wanted & served else GateState.SHUT


def without(repositories: Iterable[Repository], canary: frozenset[str]) -> frozenset[int]:
    """Ids of the repositories that are no canaries; names are compared without regard to case."""
    shy = folded(canary)
    return frozenset(repository.id for repository in repositories if repository.full_name.casefold() not in shy)


def folded(names: frozenset[str]) -> frozenset[str]:
    """Names made fit for comparison without regard to case."""
    return frozenset(name.casefold() for name in names)
