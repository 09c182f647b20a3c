"""Reading a whole list from an API server: pages, expired pages, several namespaces. Half a list is no list."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from monitor.model.signal import Gap, UnknownCause
from monitor.observe.kubernetes import decode
from monitor.observe.kubernetes.failure import Failure, late, of_error, of_status, unknown
from monitor.observe.kubernetes.redact import clean
from monitor.observe.kubernetes.transport import KubeTransport

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PAGE = 500
"""Objects asked for at a time."""

_MOST_PAGES = 200
"""100,000 objects: more than a cluster can have listeners; an API server that never ends its list is not read on."""

_ODD_NAMED = 3


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API names it. ``group`` is empty for the core group."""

    group: str
    version: str
    plural: str

    @property
    def name(self) -> str:
        """``plural.group``, as RBAC rules and ``kubectl`` write it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "") -> str:
        """Path of the list, in one namespace or (empty) in all of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.plural}" if namespace else f"{root}/{self.plural}"

    def right(self, namespace: str = "", verb: str = "list") -> str:
        """The right that reading needs, in words."""
        return f"{verb} {self.name} in {f'namespace {namespace}' if namespace else 'all namespaces'}"


SCALE_SETS = Resource("actions.github.com", "v1alpha1", "autoscalingrunnersets")
LISTENERS = Resource("actions.github.com", "v1alpha1", "autoscalinglisteners")
RUNNER_SETS = Resource("actions.github.com", "v1alpha1", "ephemeralrunnersets")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
PODS = Resource("", "v1", "pods")
EVENTS = Resource("", "v1", "events")


@dataclass(frozen=True, slots=True)
class Part(Generic[T_co]):
    """One field of an observation, read or not.

    Attributes:
        items: everything that could be read; None when the list could not be read whole.
        gaps: why, or which single objects are missing.
        failure: why ``items`` is None.
    """

    items: tuple[T_co, ...] | None
    gaps: tuple[Gap, ...] = ()
    failure: Failure | None = None

    @classmethod
    def missing(cls, part: str, failure: Failure) -> "Part[T_co]":
        """A part that could not be read."""
        return cls(None, (failure.gap(part),), failure)


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """What to list, and how to decode it. ``part`` is the observation's field that it fills."""

    part: str
    resource: Resource
    decoder: decode.Decoder[T]
    params: Mapping[str, str] = field(default_factory=dict)


async def read_part(
    transport: KubeTransport, query: Query[T], namespaces: Sequence[str], *, now: float, limit: float
) -> Part[T]:
    """List ``query`` in every one of ``namespaces`` (none means in all); never raises.

    Args:
        transport: of the cluster.
        query: what to list.
        namespaces: where.
        now: seconds since the epoch, for deaths without a time.
        limit: the instant, by the event loop's clock, after which no answer is waited for.
    """
    where = namespaces or ("",)
    results = await asyncio.gather(
        *(_read_in_time(transport, query, namespace, now=now, limit=limit) for namespace in where)
    )
    items: list[T] = []
    odd: list[str] = []
    for result in results:
        if isinstance(result, Failure):
            return Part.missing(query.part, result)
        items.extend(result.items)
        odd.extend(result.odd)
    return Part(tuple(items), _odd_gap(query, odd, len(items) + len(odd)))


def _odd_gap(query: Query[T], odd: Sequence[str], total: int) -> tuple[Gap, ...]:
    if not odd:
        return ()
    named = "; ".join(odd[:_ODD_NAMED]) + ("; ..." if len(odd) > _ODD_NAMED else "")
    reason = f"{len(odd)} of {total} {query.resource.name} could not be read: {named}"
    return (Gap(query.part, clean(reason, 400), UnknownCause.UNREADABLE),)


async def _read_in_time(
    transport: KubeTransport, query: Query[T], namespace: str, *, now: float, limit: float
) -> decode.Page[T] | Failure:
    try:
        async with asyncio.timeout_at(limit):
            return await _read_whole(transport, query, namespace, now)
    except TimeoutError:
        return late(query.resource.right(namespace))
    except Exception as error:  # noqa: BLE001 - a probe never raises; what is unexpected is logged with its traceback
        return of_error(error)


async def _read_whole(
    transport: KubeTransport, query: Query[T], namespace: str, now: float
) -> decode.Page[T] | Failure:
    result = await _read_pages(transport, query, namespace, now)
    # 410: the pages' snapshot was compacted away while we read. Once is normal for a slow reader.
    return await _read_pages(transport, query, namespace, now) if _expired(result) else result


def _expired(result: object) -> bool:
    return isinstance(result, Failure) and result.expired


async def _read_pages(
    transport: KubeTransport, query: Query[T], namespace: str, now: float
) -> decode.Page[T] | Failure:
    right = query.resource.right(namespace)
    path = query.resource.path(namespace)
    params = {"limit": str(PAGE), **query.params}
    items: list[T] = []
    odd: list[str] = []
    for _ in range(_MOST_PAGES):
        answer = await transport.get(path, params)
        if answer.status != 200:
            return _not_read(query, of_status(answer, right), answer.status)
        try:
            page = query.decoder.page(answer.body, now)
        except decode.Unreadable as error:
            return unknown(UnknownCause.UNREADABLE, f"asked to {right}: {error}")
        items.extend(page.items)
        odd.extend(page.odd)
        if not page.continue_:
            return decode.Page(tuple(items), tuple(odd))
        # The server refuses a resourceVersion beside a continue token.
        params = {**params, "continue": page.continue_}
        params.pop("resourceVersion", None)
    return unknown(UnknownCause.UNREADABLE, f"asked to {right}: the list does not end after {_MOST_PAGES} pages")


def _not_read(query: Query[T], failure: Failure, status: int) -> Failure:
    if status == 404 and query.resource.group.endswith("github.com"):
        return unknown(UnknownCause.UNREADABLE, f"{query.resource.name} is not installed in this cluster")
    return failure
