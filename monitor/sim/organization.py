"""What an organisation at GitHub holds: runner groups, scale sets, sessions and runners."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.sim.jobs import Job, Repository
from monitor.sim.timeline import Timeline

WORKFLOW = ".github/workflows/ci.yml"
BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Group:
    """A runner group. ``repositories`` are ids, and count only while ``visibility`` is ``selected``."""

    id: int
    name: str
    visibility: str = "selected"
    repositories: frozenset[int] = frozenset()
    default: bool = False
    inherited: bool = False
    allows_public_repositories: bool = False
    restricted_to_workflows: bool = False
    selected_workflows: tuple[str, ...] = ()
    workflow_restrictions_read_only: bool = False

    def serves(self, repository: Repository) -> bool:
        """Whether jobs of a repository's workflow may use the group's runners."""
        if not repository.private and (not self.allows_public_repositories or self.visibility == "private"):
            return False
        if self.visibility == "selected" and repository.id not in self.repositories:
            return False
        workflow = f"{repository.full_name}/{WORKFLOW}@refs/heads/{BRANCH}"
        return not self.restricted_to_workflows or workflow in self.selected_workflows


class Groups:
    """Runner groups by id, with the delay after which a change can be read.

    Routing follows a change at once; readers see it ``lag`` seconds later.

    Attributes:
        lag: seconds of the world.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._versions: dict[int, list[tuple[float, Group]]] = {}
        self.lag = 0.0

    def put(self, group: Group) -> None:
        """Add a group, or change it."""
        since = self._timeline.now - self._timeline.paced(self.lag)
        versions = self._versions.setdefault(group.id, [])
        while len(versions) > 1 and versions[1][0] <= since:
            versions.pop(0)
        versions.append((self._timeline.now, group))

    def remove(self, group_id: int) -> None:
        """Remove a group; KeyError if there is none."""
        del self._versions[group_id]

    def true(self, group_id: int) -> Group:
        """Return a group as it is; KeyError if there is none."""
        return self._versions[group_id][-1][1]

    def all(self) -> tuple[Group, ...]:
        """Return every group as it is."""
        return tuple(versions[-1][1] for versions in self._versions.values())

    def seen(self, group_id: int) -> Group | None:
        """Return a group as readers see it now."""
        versions = self._versions.get(group_id)
        if versions is None:
            return None
        since = self._timeline.now - self._timeline.paced(self.lag)
        past = [group for at, group in versions if at <= since]
        return past[-1] if past else versions[0][1]

    def all_seen(self) -> tuple[Group, ...]:
        """Return every group as readers see it now."""
        return tuple(group for number in self._versions if (group := self.seen(number)))

    def named(self, name: str) -> Group | None:
        """Return the group of that name as it is; GitHub compares names without regard to case."""
        return next((group for group in self.all() if group.name.lower() == name.lower()), None)


@dataclass(slots=True)
class Message:
    """A message of the queue: job messages that were not acknowledged yet."""

    id: int
    body: list[dict[str, object]]


@dataclass(slots=True)
class Session:
    """A listener's session with its scale set.

    Attributes:
        cluster: where its listener lives, empty for one that came over HTTP.
        token: the queue's access token.
        capacity: what the listener last advertised in ``X-ScaleSetMaxCapacity``.
        held: by a living listener of this world; one that came over HTTP shows its life by asking for messages.
        wake: called when there is something in the inbox.
    """

    id: str
    owner: str
    scale_set_id: int
    token: str
    capacity: int
    last_seen: float
    cluster: str = ""
    held: bool = False
    wake: Callable[[], None] | None = None
    inbox: deque[dict[str, object]] = field(default_factory=deque)
    sent: Message | None = None
    messages: int = 0

    def take(self, after: int = 0) -> Message | None:
        """Return the message that waits, the same until it is acknowledged; at most 50 job messages in one."""
        if self.sent is not None and self.sent.id <= after:
            self.sent = None
        if self.sent is None and self.inbox:
            self.messages += 1
            body = [self.inbox.popleft() for _ in range(min(50, len(self.inbox)))]
            self.sent = Message(self.messages, body)
        return self.sent

    def acknowledge(self, message_id: int) -> None:
        """Forget a message that was handled."""
        if self.sent is not None and self.sent.id == message_id:
            self.sent = None


@dataclass(slots=True)
class Runner:
    """A runner as GitHub lists it.

    Attributes:
        lost_at: when it lost contact; GitHub notices ``offline_after`` later.
        on_job: called with the job that it is given.
        on_end: called when its job has ended, whatever the end.
    """

    id: int
    name: str
    group_id: int
    labels: tuple[str, ...]
    scale_set_id: int | None = None
    cluster: str = ""
    online: bool = False
    seen_online_at: float = 0.0
    lost_at: float | None = None
    job: Job | None = None
    on_job: Callable[[Job], None] | None = None
    on_end: Callable[[], None] | None = None

    @property
    def idle(self) -> bool:
        """Whether it can take a job."""
        return self.online and self.lost_at is None and self.job is None


@dataclass(slots=True)
class ScaleSet:
    """A runner scale set as the Actions service knows it.

    Attributes:
        jobs: the jobs that are bound to it and have not ended.
    """

    id: int
    name: str
    group_id: int
    labels: tuple[str, ...]
    created_at: float
    session: Session | None = None
    jobs: dict[int, Job] = field(default_factory=dict)
    runners: dict[int, Runner] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Token:
    """A token that REST accepts.

    Attributes:
        permissions: as a GitHub App's, such as ``{"actions": "read"}``; None is a classic token that may do everything.
        expires_at: None for never.
    """

    value: str
    permissions: dict[str, str] | None = None
    expires_at: float | None = None

    def __repr__(self) -> str:
        """Keep the token out of logs."""
        return f"Token({self.value[:4]}...)"

    def may(self, permission: str, access: str) -> bool:
        """Whether it has ``read`` or ``write`` access."""
        if self.permissions is None:
            return True
        held = self.permissions.get(permission, "")
        return held in {"write", "admin"} or (access == "read" and held == "read")


@dataclass(frozen=True, slots=True)
class Landed:
    """A request that changed something at GitHub. Requests that only mint a token are not kept.

    Attributes:
        at: when it took effect.
        path: below the API's base URL, as it was asked for.
        body: what was sent, None for nothing.
        request_id: as the answer's ``x-github-request-id`` gave it.
    """

    at: float
    method: str
    path: str
    body: object
    request_id: str
