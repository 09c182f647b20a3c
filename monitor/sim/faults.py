"""Everything that can be made to go wrong, by name: a story or a scenario file starts and clears faults by these."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from monitor.sim.arc import Arc
from monitor.sim.listener import Listener
from monitor.sim.organization import Session

if TYPE_CHECKING:
    from monitor.sim.world import World

ALL = "all"
_INTRUDER_NAMESPACE = "arc-runners-copy"


class FaultName(StrEnum):
    """The faults. Those of a place take ``cluster``; those of one scale set take ``scale_set`` too.

    Where no ``scale_set`` is asked for, ``cluster`` may name a region, or be ``all``.
    """

    REGION_DARK = "region_dark"
    API_UNREACHABLE = "api_unreachable"
    API_SLOW = "api_slow"
    API_FORBIDDEN = "api_forbidden"
    API_UNAUTHORISED = "api_unauthorised"
    RUNNERS_PENDING = "runners_pending"
    RUNNERS_FAILING = "runners_failing"
    RUNNERS_OUTDATED = "runners_outdated"
    CONTROLLER_DOWN = "controller_down"
    LISTENER_PENDING = "listener_pending"
    LISTENER_MISSING = "listener_missing"
    LISTENER_FLAPPING = "listener_flapping"
    LISTENER_OOM = "listener_oom"
    LISTENER_HANG = "listener_hang"
    LISTENER_EVICTED = "listener_evicted"
    SESSION_CONFLICT = "session_conflict"
    SESSION_STUCK = "session_stuck"
    ORPHAN_LISTENER = "orphan_listener"
    SCALE_SET_DELETED = "scale_set_deleted"
    BAD_CREDENTIALS = "bad_credentials"
    EGRESS_LOST = "egress_lost"
    GITHUB_UNREACHABLE = "github_unreachable"
    GITHUB_ERRORS = "github_errors"
    GITHUB_SLOW = "github_slow"
    GITHUB_RATE_LIMITED = "github_rate_limited"
    GITHUB_TRUNCATED_JSON = "github_truncated_json"
    GITHUB_UNAUTHORISED = "github_unauthorised"
    STATUS_INCIDENT = "status_incident"
    STATUS_UNREACHABLE = "status_unreachable"
    CONFLICT_EVERYWHERE = "conflict_everywhere"


@dataclass(frozen=True, slots=True)
class ActiveFault:
    """A fault that was started and not cleared."""

    name: FaultName
    args: Mapping[str, Any]
    since: float


class Faults:
    """Starts and clears faults.

    Every fault is a pair of methods, ``_start_`` and ``_clear_`` with its name; both take the same keyword arguments.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._active: list[ActiveFault] = []

    @property
    def active(self) -> tuple[ActiveFault, ...]:
        """What is wrong now, oldest first."""
        return tuple(self._active)

    def start(self, name: str, **args: Any) -> None:
        """Start a fault, now.

        Raises:
            ValueError: there is no fault of that name.
            TypeError: the arguments are not the fault's.
            KeyError: there is no such cluster, scale set, component or state.
        """
        fault = FaultName(name)
        self._world.step()
        getattr(self, f"_start_{fault}")(**args)
        self._active.append(ActiveFault(fault, dict(args), self._world.now))

    def clear(self, name: str, **args: Any) -> None:
        """Clear the faults of that name whose arguments agree with the given ones; none is no error."""
        fault = FaultName(name)
        self._world.step()
        for active in tuple(self._active):
            if active.name is fault and all(active.args.get(key) == value for key, value in args.items()):
                self._active.remove(active)
                getattr(self, f"_clear_{fault}")(**active.args)

    def clear_all(self) -> None:
        """Clear everything, the newest first."""
        for active in reversed(self.active):
            self.clear(active.name, **active.args)

    def during(self, name: str, at: float, until: float | None = None, **args: Any) -> None:
        """Start a fault ``at`` seconds of the world from now, and clear it at ``until``."""
        self._world.timeline.after(at, lambda: self.start(name, **args))
        if until is not None:
            self._world.timeline.after(until, lambda: self.clear(name, **args))

    # Clusters.

    def _arc(self, cluster: str) -> Arc:
        return self._world.arcs[cluster]

    def _arcs(self, place: str) -> tuple[Arc, ...]:
        """Return ARC in a cluster, in every cluster of a region, or everywhere; KeyError if there is no such place."""
        world = self._world
        if place == ALL:
            return tuple(world.arcs.values())
        if place in world.arcs:
            return (world.arcs[place],)
        return tuple(world.arcs[name] for name in world.regions[place])

    def _start_region_dark(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.shut_by.add("dark")
            arc.power_off()

    def _clear_region_dark(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.shut_by.discard("dark")
            arc.power_on()

    def _start_api_unreachable(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.shut_by.add("unreachable")

    def _clear_api_unreachable(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.shut_by.discard("unreachable")

    def _start_api_slow(self, *, cluster: str, seconds: float) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.slow = seconds

    def _clear_api_slow(self, *, cluster: str, seconds: float) -> None:  # noqa: ARG002 - as it was started
        for arc in self._arcs(cluster):
            arc.cluster.doors.slow = 0.0

    def _start_api_forbidden(self, *, cluster: str, resource: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.forbidden.add(resource)

    def _clear_api_forbidden(self, *, cluster: str, resource: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.forbidden.discard(resource)

    def _start_api_unauthorised(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.unauthorised = True

    def _clear_api_unauthorised(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.cluster.doors.unauthorised = False

    def _start_runners_pending(self, *, cluster: str, reason: str = "Unschedulable") -> None:
        for arc in self._arcs(cluster):
            arc.runners_stuck = reason

    def _clear_runners_pending(self, *, cluster: str, reason: str = "") -> None:  # noqa: ARG002 - as it was started
        for arc in self._arcs(cluster):
            arc.runners_stuck = ""
            arc.start_runners()

    def _start_runners_failing(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.runners_failing = True

    def _clear_runners_failing(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.runners_failing = False
            arc.start_runners()

    def _start_controller_down(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.stop_controller()

    def _clear_controller_down(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.start_controller()

    # Listeners and scale sets.

    def _listeners(self, cluster: str, scale_set: str) -> tuple[Listener, ...]:
        """Return the one listener of a scale set, or none while another fault keeps it away."""
        listener = self._arc(cluster).scale_set(scale_set).listener
        return () if listener is None else (listener,)

    def _session(self, cluster: str, scale_set: str) -> Session | None:
        number = self._arc(cluster).scale_set(scale_set).scale_set_id
        found = self._world.github.scale_sets.get(number or 0)
        return None if found is None else found.session

    def _start_listener_oom(self, *, cluster: str, scale_set: str) -> None:
        for listener in self._listeners(cluster, scale_set):
            listener.kill(137, "OOMKilled")

    def _clear_listener_oom(self, *, cluster: str, scale_set: str) -> None:
        """Nothing to do: its session expires by itself."""

    def _start_listener_hang(self, *, cluster: str, scale_set: str) -> None:
        for listener in self._listeners(cluster, scale_set):
            listener.hang()

    def _clear_listener_hang(self, *, cluster: str, scale_set: str) -> None:
        for listener in self._listeners(cluster, scale_set):
            listener.wake_up()

    def _start_listener_evicted(self, *, cluster: str, scale_set: str) -> None:
        for listener in self._listeners(cluster, scale_set):
            listener.evict()

    def _clear_listener_evicted(self, *, cluster: str, scale_set: str) -> None:
        for listener in self._listeners(cluster, scale_set):
            listener.wake_up()

    def _start_listener_pending(self, *, cluster: str, reason: str = "ImagePullBackOff") -> None:
        for arc in self._arcs(cluster):
            arc.listeners_stuck = reason
            for listener in arc.listeners():
                listener.wake_up()

    def _clear_listener_pending(self, *, cluster: str, reason: str = "") -> None:  # noqa: ARG002 - as it was started
        for arc in self._arcs(cluster):
            arc.listeners_stuck = ""
            for listener in arc.listeners():
                listener.start()

    def _start_listener_missing(self, *, cluster: str, scale_set: str) -> None:
        one = self._arc(cluster).scale_set(scale_set)
        one.remove_listener(one.listener_name)

    def _clear_listener_missing(self, *, cluster: str, scale_set: str) -> None:
        self._arc(cluster).scale_set(scale_set).remake_listener()

    def _start_listener_flapping(self, *, cluster: str, scale_set: str, every: float = 600.0) -> None:
        for listener in self._listeners(cluster, scale_set):
            listener.flap(every)

    def _clear_listener_flapping(self, *, cluster: str, scale_set: str, every: float = 0.0) -> None:  # noqa: ARG002
        for listener in self._listeners(cluster, scale_set):
            listener.flap(0.0)

    def _start_session_stuck(self, *, cluster: str, scale_set: str) -> None:
        """The listener dies without a word, and the service never lets its session go."""
        for listener in self._listeners(cluster, scale_set):
            listener.kill()
        session = self._session(cluster, scale_set)
        if session is not None:
            session.held = True

    def _clear_session_stuck(self, *, cluster: str, scale_set: str) -> None:
        session = self._session(cluster, scale_set)
        if session is not None and session.wake is None:
            self._world.github.close_session(session)

    def _start_runners_outdated(self, *, cluster: str, scale_set: str) -> None:
        self._arc(cluster).scale_set(scale_set).set_outdated(True)

    def _clear_runners_outdated(self, *, cluster: str, scale_set: str) -> None:
        self._arc(cluster).scale_set(scale_set).set_outdated(False)

    def _start_session_conflict(self, *, cluster: str, scale_set: str, victim: str = "") -> None:
        """Install ``victim``'s scale set in ``cluster`` too: same name, same group, so ARC adopts it there."""
        names = (victim,) if victim else tuple(name for name in self._world.arcs if name != cluster)
        owner = next(
            self._arc(name).scale_set(scale_set)
            for name in names
            if ("arc-runners", scale_set) in self._arc(name).scale_sets
        )
        self._arc(cluster).install(
            scale_set,
            owner.group,
            namespace=_INTRUDER_NAMESPACE,
            scale_set_name=owner.scale_set_name,
            max_runners=owner.max_runners,
        )

    def _clear_session_conflict(self, *, cluster: str, scale_set: str, victim: str = "") -> None:  # noqa: ARG002
        self._arc(cluster).uninstall(scale_set, namespace=_INTRUDER_NAMESPACE, at_github=False)

    def _start_orphan_listener(self, *, cluster: str, scale_set: str) -> None:
        self._arc(cluster).scale_set(scale_set).add_orphan()

    def _clear_orphan_listener(self, *, cluster: str, scale_set: str) -> None:
        one = self._arc(cluster).scale_set(scale_set)
        one.remove_listener(one.both_names[1])

    def _start_scale_set_deleted(self, *, cluster: str, scale_set: str) -> None:
        number = self._arc(cluster).scale_set(scale_set).scale_set_id
        if number in self._world.github.scale_sets:
            self._world.github.delete_scale_set(number)

    def _clear_scale_set_deleted(self, *, cluster: str, scale_set: str) -> None:
        one = self._arc(cluster).scale_set(scale_set)
        if one.scale_set_id not in self._world.github.scale_sets:
            one.register_anew()

    def _start_bad_credentials(self, *, cluster: str = ALL) -> None:
        for arc in self._arcs(cluster):
            arc.bad_credentials = True
            self._fail_listeners(arc)

    def _clear_bad_credentials(self, *, cluster: str = ALL) -> None:
        for arc in self._arcs(cluster):
            arc.bad_credentials = False

    def _start_egress_lost(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.egress_lost = True
            self._fail_listeners(arc, after=15.0)

    def _clear_egress_lost(self, *, cluster: str) -> None:
        for arc in self._arcs(cluster):
            arc.egress_lost = False

    def _fail_listeners(self, arc: Arc, after: float = 0.0) -> None:
        trouble = arc.trouble()
        for listener in arc.listeners():
            if trouble is not None and listener.session is not None:
                listener.fail(trouble.chain, after)

    # GitHub.

    def _start_github_unreachable(self) -> None:
        self._world.github.traffic.refusing = True
        self._github_fails()

    def _clear_github_unreachable(self) -> None:
        self._world.github.traffic.refusing = False

    def _start_github_errors(
        self, *, status: int = 503, rate: float = 1.0, html: bool = False, rest_only: bool = False
    ) -> None:
        traffic = self._world.github.traffic
        traffic.rest_only = rest_only
        traffic.error_status, traffic.error_rate, traffic.error_html = status, rate, html
        self._github_fails()

    def _clear_github_errors(self, **_: object) -> None:
        self._world.github.traffic.error_status = 0

    def _github_fails(self) -> None:
        for arc in self._world.arcs.values():
            self._fail_listeners(arc, after=15.0)

    def _start_github_slow(self, *, seconds: float) -> None:
        self._world.github.traffic.latency = seconds

    def _clear_github_slow(self, *, seconds: float) -> None:  # noqa: ARG002 - as it was started
        self._world.github.traffic.latency = 0.0

    def _start_github_rate_limited(self, *, secondary: bool = False) -> None:
        traffic = self._world.github.traffic
        traffic.secondary = secondary
        if not secondary:
            for token in self._world.github.tokens:
                traffic.spend(token)

    def _clear_github_rate_limited(self, *, secondary: bool = False) -> None:  # noqa: ARG002 - as it was started
        self._world.github.traffic.secondary = False
        self._world.github.traffic.refill()

    def _start_github_truncated_json(self) -> None:
        self._world.github.traffic.truncated = True

    def _clear_github_truncated_json(self) -> None:
        self._world.github.traffic.truncated = False

    def _start_github_unauthorised(self) -> None:
        self._world.github.traffic.unauthorised = True

    def _clear_github_unauthorised(self) -> None:
        self._world.github.traffic.unauthorised = False

    def _start_status_incident(
        self, *, component: str = "Actions", state: str = "major_outage", text: str = ""
    ) -> None:
        self._world.status_page.declare(component, state, text)

    def _clear_status_incident(self, *, component: str = "Actions", state: str = "", text: str = "") -> None:  # noqa: ARG002
        self._world.status_page.declare(component, "operational")

    def _start_status_unreachable(self) -> None:
        self._world.status_page.refusing = True

    def _clear_status_unreachable(self) -> None:
        self._world.status_page.refusing = False

    def _start_conflict_everywhere(self) -> None:
        """GitHub loses every session and refuses new ones."""
        github = self._world.github
        github.conflict_everywhere = True
        for arc in self._world.arcs.values():
            for listener in arc.listeners():
                session = listener.session
                if session is not None:
                    one = listener.scale_set
                    github.close_session(session)
                    listener.fail(listener.texts.conflict(one.scale_set_name, one.scale_set_id or 0))

    def _clear_conflict_everywhere(self) -> None:
        self._world.github.conflict_everywhere = False
