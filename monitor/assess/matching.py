"""Which objects of a cluster belong to which member, and which listener is the rightful one."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from monitor.model.arc import listener_names
from monitor.model.fleet import Member
from monitor.model.kubernetes import ClusterObservation, Listener, RunnerSet, ScaleSet
from monitor.model.urls import GitHubUrl, Scope

DEFAULT_GROUP = "Default"
"""The runner group of a scale set that names none."""

HASHED_BY_GROUP = (0, 13, 1)
"""Since this version the listener's name covers runner group and URL (ARC #4299)."""


def group_of(scale_set: ScaleSet) -> str:
    """The runner group a scale set is in: as registered, else as written, else the default one."""
    return scale_set.registered_group or scale_set.runner_group or DEFAULT_GROUP


@lru_cache(maxsize=8192)
def owner_of(config_url: str) -> str:
    """The organisation of a ``githubConfigUrl``, folded; empty for an enterprise or a URL that can't be read."""
    try:
        url = GitHubUrl.parse(config_url)
    except ValueError:
        return ""
    return "" if url.scope is Scope.ENTERPRISE else url.owner.casefold()


def same_name(scale_set: ScaleSet, member: Member) -> bool:
    """Whether it carries the member's name, in the member's namespace and organisation, whatever its group."""
    if scale_set.scale_set_name.casefold() != member.scale_set.casefold():
        return False
    if member.namespace and scale_set.namespace != member.namespace:
        return False
    owner = owner_of(scale_set.config_url)
    return not owner or owner == member.gate.organization.casefold()


def in_group(scale_set: ScaleSet, member: Member) -> bool:
    """Whether it is in the member's runner group."""
    return group_of(scale_set).casefold() == member.gate.group.casefold()


def identity(scale_set: ScaleSet) -> tuple[str, str, str]:
    """What makes two scale sets one and the same to GitHub: URL, runner group and name."""
    return place(scale_set.config_url), group_of(scale_set).casefold(), scale_set.scale_set_name.casefold()


def place(config_url: str) -> str:
    """A ``githubConfigUrl`` made fit for comparison."""
    return config_url.strip().rstrip("/").casefold()


def rightful(scale_set: ScaleSet, listeners: Iterable[Listener]) -> Listener | None:
    """The one of a scale set's listeners that its controller looks for; the others are orphans.

    The controller finds a listener by its computed name only. Where no name fits, the newest one is taken: it was made
    last.
    """
    present, former = _names(scale_set.name, scale_set.namespace, scale_set.runner_group, scale_set.config_url)
    order = (former, present) if _version(scale_set.version) < HASHED_BY_GROUP else (present, former)
    candidates = sorted(listeners, key=lambda one: (one.created_at, one.name))
    for name in order:
        for listener in candidates:
            if listener.name == name:
                return listener
    return candidates[-1] if candidates else None


_names = lru_cache(maxsize=65536)(listener_names)


@lru_cache(maxsize=256)
def _version(text: str) -> tuple[int, ...]:
    """A version's numbers; one that can't be read counts as the newest."""
    numbers = text.removeprefix("v").split("-")[0].split(".")
    try:
        return tuple(int(number) for number in numbers)
    except ValueError:
        return (1 << 30,)


@dataclass(frozen=True, slots=True)
class Matched:
    """The objects of one member; a kind that was not read is None.

    Attributes:
        scale_sets: in the member's runner group, oldest first; normally one.
        elsewhere: of the right name, in another runner group.
        listeners: the rightful one first, then orphans, oldest first.
        runner_sets: those of its scale sets, by name.
    """

    scale_sets: tuple[ScaleSet, ...] | None = None
    elsewhere: tuple[ScaleSet, ...] = ()
    listeners: tuple[Listener, ...] | None = None
    runner_sets: tuple[RunnerSet, ...] | None = None


def match(observation: ClusterObservation, members: Iterable[Member]) -> dict[str, Matched]:
    """The objects of each member of a cluster, by member name; ARC objects that are being deleted are left out."""
    if observation.scale_sets is None:
        return {member.name: Matched() for member in members}
    named: dict[str, list[ScaleSet]] = defaultdict(list)
    for scale_set in observation.scale_sets:
        if not scale_set.deleting:
            named[scale_set.scale_set_name.casefold()].append(scale_set)
    listeners: dict[tuple[str, str], list[Listener]] = defaultdict(list)
    for listener in observation.listeners or ():
        if not listener.deleting:
            listeners[listener.scale_set_namespace, listener.scale_set_name].append(listener)
    runner_sets: dict[tuple[str, str], list[RunnerSet]] = defaultdict(list)
    for runner_set in observation.runner_sets or ():
        runner_sets[runner_set.namespace, runner_set.scale_set].append(runner_set)
    matched: dict[str, Matched] = {}
    for member in members:
        candidates = [one for one in named.get(member.scale_set.casefold(), ()) if same_name(one, member)]
        own = tuple(sorted((one for one in candidates if in_group(one, member)), key=_age))
        matched[member.name] = Matched(
            scale_sets=own,
            elsewhere=tuple(sorted((one for one in candidates if not in_group(one, member)), key=_age)),
            listeners=None if observation.listeners is None else _in_order(own, listeners),
            runner_sets=None
            if observation.runner_sets is None
            else tuple(
                sorted(
                    (one for scale_set in own for one in runner_sets.get((scale_set.namespace, scale_set.name), ())),
                    key=lambda one: one.name,
                )
            ),
        )
    return matched


def _age(scale_set: ScaleSet) -> tuple[float, str, str]:
    return scale_set.created_at, scale_set.namespace, scale_set.name


def _in_order(own: tuple[ScaleSet, ...], by_owner: Mapping[tuple[str, str], list[Listener]]) -> tuple[Listener, ...]:
    """The listeners of the first scale set, the rightful one first."""
    if not own:
        return ()
    candidates = by_owner.get((own[0].namespace, own[0].name), [])
    first = rightful(own[0], candidates)
    if first is None:
        return ()
    others = sorted((one for one in candidates if one is not first), key=lambda one: (one.created_at, one.name))
    return (first, *others)


@dataclass(frozen=True, slots=True)
class Matches:
    """The matched objects of one cluster, with what they were made from."""

    observation: ClusterObservation
    members: tuple[Member, ...]
    by_member: Mapping[str, Matched]


def matches(before: Matches | None, observation: ClusterObservation, members: tuple[Member, ...]) -> Matches:
    """The matched objects of a cluster; those of the last walk where nothing has changed since."""
    if before is not None and before.observation is observation and before.members == members:
        return before
    return Matches(observation, members, match(observation, members))


@dataclass(frozen=True, slots=True)
class Holder:
    """A scale set somewhere in the fleet's clusters, watched as a member or not.

    Attributes:
        identity: what makes it one and the same as another to GitHub: URL, runner group and name.
    """

    cluster: str
    scale_set: ScaleSet
    identity: tuple[str, str, str]

    @property
    def text(self) -> str:
        """Where it is, for people."""
        one = self.scale_set
        group = group_of(one)
        return f"{one.namespace}/{one.name} in cluster {self.cluster} (runner group {group}, id {one.scale_set_id})"


def holders(cluster: str, scale_sets: Iterable[ScaleSet]) -> tuple[Holder, ...]:
    """A cluster's scale sets as the rest of the fleet sees them, in a fixed order."""
    present = sorted((one for one in scale_sets if not one.deleting), key=lambda one: (one.namespace, one.name))
    return tuple(Holder(cluster, one, identity(one)) for one in present)
