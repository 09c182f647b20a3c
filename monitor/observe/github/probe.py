"""Looks at one GitHub connection: runner groups, who may use them, their runners, and the jobs that wait."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from monitor.model.errors import MonitorError, Unauthorised
from monitor.model.fleet import Pool, Timing
from monitor.model.github import GitHubObservation, QueuedJobs, Repository, RunnerCounts, RunnerGroup, Visibility
from monitor.model.ports import Clock
from monitor.model.settings import GitHubAccess
from monitor.model.signal import Answer, Gap, Path, Signal, UnknownCause
from monitor.observe.github.client import PER_PAGE, GitHubClient
from monitor.observe.github.judging import gap_of, signal_of
from monitor.observe.github.queue import read_queue
from monitor.observe.github.shapes import GroupShape, MetaShape, RepositoryShape, RunnerShape
from monitor.observe.github.together import together

VERSION_EVERY = 3600.0
"""Seconds between two looks at a GHES version."""

ONE_LIST_FROM = 5
"""From this many groups on, the organisation's one list of runners costs fewer requests than a list per group."""

ONE_LIST_AGAIN = 3600.0
"""Seconds before that list is tried again where it was of no use."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _AccessList:
    """A group's access list, kept between polls; ``mutations`` tells whether we wrote since it was read."""

    repositories: tuple[Repository, ...]
    at: float
    mutations: int


class RestProbe:
    """Implements ``ports.GitHubProbe`` over REST.

    Access lists are read every ``freshness - poll`` seconds and after every write of ours, so that none in an
    observation is older than ``freshness``. Everything else is read at every poll; at rest nearly all answers are 304
    and free. Access lists and runners are read for the groups that the connection's pools use.
    """

    def __init__(
        self, access: GitHubAccess, client: GitHubClient, pools: tuple[Pool, ...], clock: Clock, timing: Timing
    ) -> None:
        self._access = access
        self._client = client
        self._clock = clock
        self._timing = timing
        mine = [pool for pool in pools if pool.connection == access.name]
        self._used = frozenset(member.gate.group.casefold() for pool in mine for member in pool.members)
        self._labels = frozenset(member.scale_set for pool in mine for member in pool.members)
        self._groups_path = f"/orgs/{access.url.owner}/actions/runner-groups"
        self._lists: dict[int, _AccessList] = {}
        self._one_list_after = -math.inf
        self._version = ""
        self._version_at: float | None = None

    async def poll(self) -> GitHubObservation:
        """Look once, within the deadline of two request timeouts. What goes wrong is in the signal and the gaps."""
        at = self._clock.now()
        gaps: list[Gap] = []
        deadline = asyncio.get_running_loop().time() + 2 * self._timing.request_timeout
        try:
            async with asyncio.timeout_at(deadline):
                shapes = await self._client.pages(self._groups_path, "runner_groups", shape=GroupShape)
        except (MonitorError, TimeoutError) as error:
            return self._failed(error, at)
        groups = _known(shapes, gaps)
        used = [group for group in groups.values() if group.name.casefold() in self._used]
        part = _Part(deadline, gaps)
        runners, queue, lists, _ = await asyncio.gather(
            part.read("runners", lambda: self._runners(used)),
            part.read("queue", self._queue),
            self._access_lists(used, part),
            part.read("version", self._look_up_version),
        )
        for group in used:
            if group.visibility is Visibility.SELECTED:
                groups[group.name] = replace(group, repositories=lists.get(group.id))
        return GitHubObservation(
            connection=self._access.name,
            at=at,
            signal=Signal(Path.GITHUB, Answer.OK, at, f"{len(groups)} runner groups", took=self._clock.now() - at),
            groups=groups,
            runners=runners,
            queue=queue,
            budget=self._client.budget,
            version=self._version,
            skew=self._client.skew,
            gaps=tuple(gaps),
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.close()

    def _failed(self, error: MonitorError | TimeoutError, at: float) -> GitHubObservation:
        """Without the groups nothing else can be told, and more requests would only add to the trouble."""
        parts = ["groups", "runners", *(["queue"] if self._access.sentinel_repositories else [])]
        return GitHubObservation(
            connection=self._access.name,
            at=at,
            signal=signal_of(error, Path.GITHUB, at=at, took=self._clock.now() - at),
            budget=self._client.budget,
            version=self._version,
            skew=self._client.skew,
            gaps=tuple(gap_of(part, error) for part in parts),
        )

    async def _runners(self, groups: list[RunnerGroup]) -> dict[str, RunnerCounts]:
        if len(groups) >= ONE_LIST_FROM and self._clock.now() >= self._one_list_after:
            listed = await self._organization_runners(groups)
            if listed is not None:
                return {group.name: _counts(group.name, listed[group.id]) for group in groups}
            self._one_list_after = self._clock.now() + ONE_LIST_AGAIN
        lists = await together(
            self._client.pages(f"{self._groups_path}/{group.id}/runners", "runners", shape=RunnerShape)
            for group in groups
        )
        return {group.name: _counts(group.name, runners) for group, runners in zip(groups, lists, strict=True)}

    async def _organization_runners(self, groups: list[RunnerGroup]) -> dict[int, list[RunnerShape]] | None:
        """All runners of the organisation by group id; None where that list costs more, or does not name groups."""
        path = f"/orgs/{self._access.url.owner}/actions/runners"
        try:
            runners = await self._client.pages(path, "runners", shape=RunnerShape)
        except Unauthorised:
            return None
        if len(runners) > PER_PAGE * len(groups) or any(runner.runner_group_id is None for runner in runners):
            return None
        by_group: dict[int, list[RunnerShape]] = {group.id: [] for group in groups}
        for runner in runners:
            by_group.setdefault(runner.runner_group_id or 0, []).append(runner)
        return by_group

    async def _queue(self) -> dict[str, QueuedJobs] | None:
        names = self._access.sentinel_repositories
        return await read_queue(self._client, self._access.url.owner, names, self._labels) if names else None

    async def _access_lists(self, groups: list[RunnerGroup], part: "_Part") -> dict[int, tuple[Repository, ...]]:
        """Access lists by group id; a list that could not be read is absent, and a gap names its group."""
        selected = [group for group in groups if group.visibility is Visibility.SELECTED]
        self._lists = {group.id: self._lists[group.id] for group in selected if group.id in self._lists}
        await asyncio.gather(
            *(
                part.read("repositories", partial(self._read_list, group), f"runner group {group.name}")
                for group in selected
                if self._due(group.id)
            )
        )
        return {group_id: kept.repositories for group_id, kept in self._lists.items()}

    def _due(self, group_id: int) -> bool:
        kept = self._lists.get(group_id)
        if kept is None or kept.mutations != self._client.counters.mutations:
            return True
        return self._clock.now() - kept.at >= self._timing.freshness - self._timing.poll

    async def _read_list(self, group: RunnerGroup) -> None:
        self._lists.pop(group.id, None)
        at, mutations = self._clock.now(), self._client.counters.mutations
        path = f"{self._groups_path}/{group.id}/repositories"
        shapes = await self._client.pages(path, "repositories", shape=RepositoryShape)
        self._lists[group.id] = _AccessList(tuple(sorted(shape.value() for shape in shapes)), at, mutations)

    async def _look_up_version(self) -> None:
        now = self._clock.now()
        if self._access.url.hosted or (self._version_at is not None and now - self._version_at < VERSION_EVERY):
            return
        self._version = (await self._client.get("/meta", shape=MetaShape)).data.installed_version
        self._version_at = now


@dataclass(frozen=True, slots=True)
class _Part:
    """Reads parts of an observation, each within what is left of the poll's deadline; a failed one leaves a gap."""

    deadline: float
    gaps: list[Gap]

    async def read(self, name: str, read: Callable[[], Awaitable[T]], where: str = "") -> T | None:
        try:
            async with asyncio.timeout_at(self.deadline):
                return await read()
        except (MonitorError, TimeoutError) as error:
            self.gaps.append(gap_of(name, error, where))
            return None


def requests_per_hour(access: GitHubAccess, pools: Iterable[Pool], timing: Timing) -> int:
    """Requests that a connection's probe sends in an hour at rest, every list being one page.

    Only the first of each and, for an App, one round after each hourly change of token count against GitHub's hourly
    limit; all others are answered 304.
    """
    groups = len({member.gate.group for pool in pools if pool.connection == access.name for member in pool.members})
    per_poll = 1 + (1 if groups >= ONE_LIST_FROM else groups) + 2 * len(access.sentinel_repositories)
    lists = groups / max(timing.poll, timing.freshness - timing.poll)
    return round(3600 * (per_poll / timing.poll + lists)) + (0 if access.url.hosted else 1)


def _known(shapes: Iterable[GroupShape], gaps: list[Gap]) -> dict[str, RunnerGroup]:
    """Groups by name. One of a kind that we do not know is left out and named by a gap, and loses us no other one.

    Where an organisation's group and an enterprise's share a name, the organisation's is the one that we can use.
    """
    groups: dict[str, RunnerGroup] = {}
    for shape in sorted(shapes, key=lambda shape: not shape.inherited):
        try:
            groups[shape.name] = shape.value()
        except ValueError:
            reason = f"runner group {shape.name} has a visibility that is not known here"
            gaps.append(Gap("groups", reason, UnknownCause.UNREADABLE))
    return groups


def _counts(name: str, runners: Iterable[RunnerShape]) -> RunnerCounts:
    listed = tuple(runners)
    online = sum(runner.status == "online" for runner in listed)
    busy = frozenset(runner.id for runner in listed if runner.busy)
    return RunnerCounts(name, online, len(busy), len(listed) - online, busy)
