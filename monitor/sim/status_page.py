"""GitHub's status page, in the form of Atlassian Statuspage."""

from dataclasses import dataclass, field

from monitor.sim.timeline import Timeline, rfc3339

COMPONENTS = {
    "8l4ygp009s5s": "Git Operations",
    "4230lsnqdsld": "Webhooks",
    "0l2p9nhqnxpd": "Visit www.githubstatus.com for more information",
    "brv1bkgrwx7q": "API Requests",
    "kr09ddfgbfsf": "Issues",
    "hhtssxt0f5v2": "Pull Requests",
    "br0l2tvcx85d": "Actions",
    "st3j38cctv9l": "Packages",
    "vg70hn9s2tyj": "Pages",
}
"""Names of the components by id; one of them is no component, on the real page too."""

_IMPACT = {
    "operational": "none",
    "under_maintenance": "none",
    "degraded_performance": "minor",
    "partial_outage": "major",
    "major_outage": "critical",
}
_WORDS = {
    "none": "All Systems Operational",
    "minor": "Minor Service Outage",
    "major": "Partial System Outage",
    "critical": "Major Service Outage",
}


@dataclass(slots=True)
class StatusPage:
    """What the page says.

    Attributes:
        states: state by component id, for components that are not operational.
        incidents: text and start of the unresolved incident of a component, by component id.
        refusing: connections are refused.
    """

    timeline: Timeline
    states: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, tuple[str, float]] = field(default_factory=dict)
    refusing: bool = False

    def declare(self, component: str, state: str, text: str = "") -> None:
        """Put a component (by id or name) into a state and open an incident; ``operational`` resolves it.

        Raises:
            KeyError: there is no such component, or no such state.
        """
        number = self._id(component)
        if _IMPACT[state] == "none":
            self.states.pop(number, None)
            self.incidents.pop(number, None)
            if state != "operational":
                self.states[number] = state
            return
        self.states[number] = state
        words = f"Incident with {COMPONENTS[number]}"
        self.incidents[number] = (text or words, self.timeline.now)

    def document(self, name: str) -> dict[str, object] | None:
        """Return the document ``status``, ``components``, ``summary`` or ``incidents/unresolved``; None for others."""
        page = {"id": "kctbh9vrtdwd", "name": "GitHub", "url": "https://www.githubstatus.com", "time_zone": "Etc/UTC"}
        page["updated_at"] = rfc3339(self.timeline.now)
        match name:
            case "status":
                return {"page": page, "status": self._status()}
            case "components":
                return {"page": page, "components": self._components()}
            case "summary":
                return {
                    "page": page,
                    "components": self._components(),
                    "incidents": self._incidents(),
                    "scheduled_maintenances": [],
                    "status": self._status(),
                }
            case "incidents/unresolved":
                return {"page": page, "incidents": self._incidents()}
        return None

    @staticmethod
    def _id(component: str) -> str:
        if component in COMPONENTS:
            return component
        return {name.lower(): number for number, name in COMPONENTS.items()}[component.lower()]

    def _impact(self) -> str:
        order = ("none", "minor", "major", "critical")
        return max((_IMPACT[state] for state in self.states.values()), key=order.index, default="none")

    def _status(self) -> dict[str, str]:
        return {"indicator": self._impact(), "description": _WORDS[self._impact()]}

    def _component(self, position: int, number: str) -> dict[str, object]:
        return {
            "id": number,
            "name": COMPONENTS[number],
            "status": self.states.get(number, "operational"),
            "created_at": "2017-01-31T20:05:05.370Z",
            "updated_at": rfc3339(self.incidents.get(number, ("", 1_700_000_000.0))[1]),
            "position": position,
            "description": None,
            "showcase": False,
            "start_date": None,
            "group_id": None,
            "page_id": "kctbh9vrtdwd",
            "group": False,
            "only_show_if_degraded": False,
        }

    def _components(self) -> list[dict[str, object]]:
        return [self._component(position, number) for position, number in enumerate(COMPONENTS, 1)]

    def _incidents(self) -> list[dict[str, object]]:
        positions = list(COMPONENTS)
        return [
            {
                "id": f"incident{number}",
                "name": text,
                "status": "investigating",
                "impact": _IMPACT[self.states[number]],
                "created_at": rfc3339(at),
                "started_at": rfc3339(at),
                "updated_at": rfc3339(at),
                "monitoring_at": None,
                "resolved_at": None,
                "shortlink": f"https://stspg.io/{number}",
                "page_id": "kctbh9vrtdwd",
                "incident_updates": [],
                "components": [self._component(positions.index(number) + 1, number)],
            }
            for number, (text, at) in self.incidents.items()
        ]
