"""Gate strategy ``runner-group-access``: a runner group's visibility and its list of repositories.

Open is as the group should serve; shut is the canary repositories alone. It works with the sick cluster unreachable.

GitHub offers no compare-and-set here. Each write therefore carries the whole state, made from a group that was read
directly before: PATCH with all five settings, because leaving one out may reset it, and PUT with the whole list.
Where two calls are needed they stand in such an order that a crash between them lets nobody in who is let in neither
before nor after.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from monitor.assess.gates import lets_through, without
from monitor.model.errors import Refused
from monitor.model.fleet import GateRef
from monitor.model.github import Repository, Visibility
from monitor.model.ports import Call, Clock
from monitor.model.switch import Access, GateImage
from monitor.model.verdict import GateState
from monitor.observe.github.client import GitHubClient
from monitor.observe.github.shapes import GroupShape, RepositoryShape

_WIDTH = (Visibility.SELECTED, Visibility.PRIVATE, Visibility.ALL)


def state_of(image: GateImage, access: Access, canary: frozenset[str]) -> GateState:
    """What the group lets through, judged by the very function that ``assess`` judges it by."""
    return lets_through(image.visibility, image.repositories, access, canary)


def open_calls(image: GateImage, access: Access) -> tuple[Call, ...]:
    """The calls that open a group to ``access`` and drop nobody; () when it is open already.

    One exception: ``private`` lets no public repository in, so those on a group's list lose it. Widening further, to
    ``all``, would let in who was never meant to be.
    """
    if access.visibility is not Visibility.SELECTED:
        if _WIDTH.index(image.visibility) >= _WIDTH.index(access.visibility):
            return ()
        settings = _Settings.of(image, access.visibility)
        return (_patch(image, settings, f"let {access.visibility} repositories into {image.gate.group}"),)
    if image.visibility is not Visibility.SELECTED:
        return ()
    listed = {repository.id for repository in image.repositories}
    added = {repository.id for repository in access.repositories} - listed
    if not added:
        return ()
    return (_put(image, listed | added, f"let {len(added)} more repositories into {image.gate.group}"),)


def shut_calls(image: GateImage, access: Access, canary: frozenset[str]) -> tuple[Call, ...]:
    """The calls that shut a group to ``access``; () when it is shut already.

    Canaries stay, and those that ``access`` knows are put back. Repositories that are neither stay too, where the
    group has a list: they are none of our business. A group without a list (``all``, ``private``) can only be shut to
    everybody. Its PATCH comes first, because GitHub takes a list only from a group that has one. A list of former days
    may then come to light until the PUT lands. All of it was let in before, save one case: public repositories on the
    forgotten list of a ``private`` group that allows public ones.
    """
    known = (*image.repositories, *access.repositories)
    kept = {repository.id for repository in known} - without(known, canary)
    if image.visibility is not Visibility.SELECTED:
        settings = _Settings.of(image, Visibility.SELECTED)
        why = f"shut {image.gate.group}: from {image.visibility} to a list"
        return _patch(image, settings, why), _put(image, kept, f"keep {len(kept)} canaries in {image.gate.group}")
    listed = {repository.id for repository in image.repositories}
    served = {repository.id for repository in access.repositories}
    wanted = kept if access.visibility is not Visibility.SELECTED else (listed - served) | kept
    if wanted == listed:
        return ()
    why = f"shut {image.gate.group}: take out {len(listed - wanted)} repositories, keep {len(wanted)}"
    return (_put(image, wanted, why),)


def restore_calls(image: GateImage, before: GateImage) -> tuple[Call, ...]:
    """The calls that bring a group back to ``before``; () when it is there already.

    First the settings are narrowed to what both images allow, then the list is put back, then they are widened.
    """
    now, then = _Settings.of(image), _Settings.of(before)
    calls = []
    has_list = then.visibility is Visibility.SELECTED
    narrow = now.meet(then)
    if has_list and now.visibility is Visibility.PRIVATE:
        # A list of former days comes to light, and public repositories on it were let in neither before nor after.
        narrow = replace(narrow, allows_public_repositories=False)
    if narrow != now:
        calls.append(_patch(image, narrow, f"narrow {image.gate.group} to what it was before"))
    ids = {repository.id for repository in before.repositories}
    listed = {repository.id for repository in image.repositories}
    if has_list and (now.visibility is not Visibility.SELECTED or ids != listed):
        calls.append(_put(image, ids, f"put back the {len(ids)} repositories of {image.gate.group}"))
    if narrow != then:
        calls.append(_patch(image, then, f"put back the settings of {image.gate.group}"))
    return tuple(calls)


class RunnerGroupAccess:
    """Implements ``ports.Gate``; the judging is the functions above, this class only reads and sends.

    The default group can be a gate too, but every repository of the organisation usually hangs on it.

    Args:
        clients: by the name of their connection.
        clock: tells when an image was true.
    """

    def __init__(self, clients: Mapping[str, GitHubClient], clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    def state(self, image: GateImage, access: Access, canary: frozenset[str]) -> GateState:
        """See ``state_of``."""
        return state_of(image, access, canary)

    def open_calls(self, image: GateImage, access: Access) -> tuple[Call, ...]:
        """See ``open_calls``."""
        return open_calls(image, access)

    def shut_calls(self, image: GateImage, access: Access, canary: frozenset[str]) -> tuple[Call, ...]:
        """See ``shut_calls``."""
        return shut_calls(image, access, canary)

    def restore_calls(self, image: GateImage, before: GateImage) -> tuple[Call, ...]:
        """See ``restore_calls``."""
        return restore_calls(image, before)

    async def read(self, gate: GateRef) -> GateImage:
        """Read a group whole, past every cache. Its id is looked up by name each time: groups are made anew.

        Raises:
            Refused: ``gate-unknown`` when there is no such group, ``gate-inherited`` when it is the enterprise's.
            MonitorError: when it can't be read whole.
        """
        client = self._client(gate)
        at = self._clock.now()
        path = f"/orgs/{quote(gate.organization)}/actions/runner-groups"
        shapes = await client.pages(path, "runner_groups", fresh=True, shape=GroupShape)
        shape = _named(gate, shapes)
        try:
            group = shape.value()
        except ValueError:
            raise Refused("gate-unknown", f"runner group {gate} has a visibility that is not known here") from None
        repositories: tuple[Repository, ...] = ()
        if group.visibility is Visibility.SELECTED:
            listed = await client.pages(
                f"{path}/{group.id}/repositories", "repositories", fresh=True, shape=RepositoryShape
            )
            repositories = tuple(sorted(item.value() for item in listed))
        return GateImage(
            gate=gate,
            group_id=group.id,
            visibility=group.visibility,
            allows_public_repositories=group.allows_public_repositories,
            restricted_to_workflows=group.restricted_to_workflows,
            selected_workflows=group.selected_workflows,
            repositories=repositories,
            at=at,
        )

    async def send(self, gate: GateRef, call: Call) -> str:
        """Send one call, once; returns GitHub's request id. Raises as ``GitHubClient.send``."""
        return await self._client(gate).send(call.method, call.path, call.body)

    def _client(self, gate: GateRef) -> GitHubClient:
        try:
            return self._clients[gate.connection]
        except KeyError:
            raise Refused("gate-unknown", f"there is no connection {gate.connection} for {gate}") from None


@dataclass(frozen=True, slots=True)
class _Settings:
    """What PATCH sets, beside the name."""

    visibility: Visibility
    allows_public_repositories: bool
    restricted_to_workflows: bool
    selected_workflows: tuple[str, ...]

    @classmethod
    def of(cls, image: GateImage, visibility: Visibility | None = None) -> "_Settings":
        """The image's settings, with another visibility when one is given."""
        return cls(
            visibility or image.visibility,
            image.allows_public_repositories,
            image.restricted_to_workflows,
            image.selected_workflows,
        )

    def meet(self, other: "_Settings") -> "_Settings":
        """The widest settings that allow nothing that one of the two does not allow."""
        workflows = other.selected_workflows
        if self.restricted_to_workflows and not other.restricted_to_workflows:
            workflows = self.selected_workflows
        elif self.restricted_to_workflows:
            common = tuple(item for item in other.selected_workflows if item in self.selected_workflows)
            # What GitHub makes of an empty list is not documented; with nothing in common the old list is put back.
            workflows = common or other.selected_workflows
        return _Settings(
            min(self.visibility, other.visibility, key=_WIDTH.index),
            self.allows_public_repositories and other.allows_public_repositories,
            self.restricted_to_workflows or other.restricted_to_workflows,
            workflows,
        )


def _named(gate: GateRef, shapes: Iterable[GroupShape]) -> GroupShape:
    """The organisation's own group of that name; an enterprise's may share its name, and can't be changed here.

    GitHub compares names without regard to case. We do not: PATCH carries the name, and would spell the group anew.
    """
    alike = [shape for shape in shapes if shape.name.casefold() == gate.group.casefold()]
    found = sorted((shape for shape in alike if shape.name == gate.group), key=lambda shape: shape.inherited)
    if not found:
        hint = f"; GitHub spells it {alike[0].name}, and so must the configuration" if alike else ""
        raise Refused("gate-unknown", f"there is no runner group {gate.group} in {gate.organization}{hint}")
    if found[0].inherited:
        raise Refused("gate-inherited", f"runner group {gate} belongs to the enterprise and can't be changed here")
    return found[0]


def _path(image: GateImage) -> str:
    return f"/orgs/{quote(image.gate.organization)}/actions/runner-groups/{image.group_id}"


def _patch(image: GateImage, settings: _Settings, why: str) -> Call:
    body = {
        "name": image.gate.group,
        "visibility": str(settings.visibility),
        "allows_public_repositories": settings.allows_public_repositories,
        "restricted_to_workflows": settings.restricted_to_workflows,
        "selected_workflows": list(settings.selected_workflows),
    }
    return Call("PATCH", _path(image), body, why)


def _put(image: GateImage, ids: Iterable[int], why: str) -> Call:
    return Call("PUT", f"{_path(image)}/repositories", {"selected_repository_ids": sorted(ids)}, why)
