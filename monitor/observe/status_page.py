"""GitHub's status page (Atlassian Statuspage): what GitHub says of itself, on a host of its own."""

from collections.abc import Iterable, Mapping

import msgspec

from monitor.model.errors import MonitorError
from monitor.model.github import ServiceStatus, StatusObservation
from monitor.model.ports import Clock
from monitor.model.settings import StatusPageAccess
from monitor.model.signal import Answer, Path, Signal, UnknownCause
from monitor.observe.http import HttpClient, HttpResponse

_SUMMARY = "/api/v2/summary.json"


class _Component(msgspec.Struct, frozen=True):
    id: str
    name: str
    status: str = ""


class _Incident(msgspec.Struct, frozen=True):
    name: str
    components: list[_Component] = []


class _Summary(msgspec.Struct, frozen=True):
    components: list[_Component]
    incidents: list[_Incident] = []


class StatusPageProbe:
    """Implements ``ports.StatusProbe``.

    The signal is OK when the page was read whole: what it says of GitHub stands in the components and incidents.
    A page that can't be had says nothing about GitHub, so that is always UNKNOWN, never BAD or UNREACHABLE.
    Incidents are declared late, users have seen failures a quarter of an hour before: a green page proves little.
    """

    def __init__(self, access: StatusPageAccess, http: HttpClient, clock: Clock) -> None:
        self._watched = frozenset(name.casefold() for name in access.components)
        self._http = http
        self._clock = clock
        self._etag = ""
        self._summary: _Summary | None = None

    async def poll(self) -> StatusObservation:
        """Look once."""
        at = self._clock.now()
        try:
            summary = self._read(await self._http.request("GET", _SUMMARY, headers=self._condition()))
            components = self._components(summary)
        except MonitorError as error:
            return self._unknown(at, str(error))
        except ValueError as error:
            return self._unknown(at, f"GET {_SUMMARY}: {error}")
        detail = "; ".join(f"{name}: {state}" for name, state in components.items())
        signal = Signal(Path.STATUS, Answer.OK, at, detail, took=self._clock.now() - at)
        return StatusObservation(at, signal, components, self._incidents(summary))

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.close()

    def _condition(self) -> dict[str, str]:
        return {"if-none-match": self._etag} if self._summary is not None and self._etag else {}

    def _read(self, response: HttpResponse) -> _Summary:
        """The page's summary; ValueError, with one clear line, when the answer is none."""
        if response.status == 304 and self._summary is not None:
            return self._summary
        if response.status != 200:
            raise ValueError(f"answered {response.status}")
        try:
            summary = msgspec.json.decode(response.body, type=_Summary)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ValueError("the answer can't be read") from None
        self._summary, self._etag = summary, response.headers.get("etag", "")
        return summary

    def _components(self, summary: _Summary) -> Mapping[str, ServiceStatus]:
        """The watched components by name; ValueError when one is missing or in a state that is not known here."""
        watched = [component for component in summary.components if self._watches(component)]
        missing = self._watched - {key for component in watched for key in _keys(component)}
        if missing:
            raise ValueError(f"the page has no component {', '.join(sorted(missing))}")
        return {component.name: ServiceStatus(component.status) for component in watched}

    def _incidents(self, summary: _Summary) -> tuple[str, ...]:
        """Unresolved incidents (a summary lists no others) that touch a watched component."""
        return tuple(item.name for item in summary.incidents if any(map(self._watches, item.components)))

    def _watches(self, component: _Component) -> bool:
        return not self._watched.isdisjoint(_keys(component))

    def _unknown(self, at: float, detail: str) -> StatusObservation:
        took = self._clock.now() - at
        return StatusObservation(at, Signal(Path.STATUS, Answer.UNKNOWN, at, detail, UnknownCause.UNREADABLE, took))


def _keys(component: _Component) -> Iterable[str]:
    """By what a component can be named in the configuration; ids last, names have changed."""
    return (component.id.casefold(), component.name.casefold())
