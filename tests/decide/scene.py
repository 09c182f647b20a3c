"""A small fleet and an assessment in which everything is well, to be spoilt one thing at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monitor.decide import Situation
from monitor.model.fleet import Cluster, Fleet, GateRef, GateStrategy, Member, Mode, Policy, Pool
from monitor.model.signal import Path
from monitor.model.switch import PoolState
from monitor.model.verdict import (
    OBSERVER,
    Assessment,
    Check,
    Evidence,
    Finding,
    GateState,
    Health,
    Reaction,
    Readiness,
    Severity,
    Subject,
    SubjectKind,
    Verdict,
)

NOW = 1_000_000.0
EU, US = "eu-west", "us-east"


def gate(group: str) -> GateRef:
    return GateRef(GateStrategy.RUNNER_GROUP_ACCESS, "acme", "acme", group)


def pool(name: str = "linux", policy: Policy | None = None, groups: tuple[str, str] = ("arc-eu", "arc-us")) -> Pool:
    members = tuple(Member(name, cluster, name, gate(group)) for cluster, group in zip((EU, US), groups, strict=True))
    return Pool(name, "acme", "acme", members, policy or Policy(mode=Mode.AUTO))


def fleet(*pools: Pool) -> Fleet:
    clusters = {EU: Cluster(EU, "eu"), US: Cluster(US, "us")}
    return Fleet(clusters, {item.name: item for item in pools or (pool(),)}, ("acme",))


def verdict(kind: SubjectKind, name: str, health: Health = Health.HEALTHY, **changes: object) -> Verdict:
    base = Verdict(Subject(kind, name), health, NOW - 500, health, NOW - 500, 20)
    return replace(base, **changes)  # type: ignore[arg-type]


def fault(
    member: str,
    *,
    paths: tuple[Path, ...] = (Path.KUBERNETES, Path.GITHUB),
    impact: bool = True,
    reaction: Reaction = Reaction.SWITCH_MEMBER,
) -> Finding:
    return Finding(
        code="RunnersPending",
        subject=Subject(SubjectKind.MEMBER, member),
        health=Health.FAILED,
        reaction=reaction,
        severity=Severity.PAGE,
        sentence=f"{member} takes jobs and cannot run them",
        evidence=tuple(Evidence(NOW - 5, path, "seen") for path in paths),
        would_change="a job that starts",
        hints=("kubectl get pods",),
        impact=impact,
    )


def hold(kind: SubjectKind, name: str, code: str, health: Health = Health.DEGRADED) -> Finding:
    return Finding(
        code,
        Subject(kind, name),
        health,
        Reaction.HOLD,
        Severity.TICKET,
        f"{code} on {name}",
        (Evidence(NOW, Path.GITHUB, "seen"),),
        "it passes",
    )


@dataclass
class Scene:
    """Everything ``decide`` takes; change it, then call ``decision``."""

    pools: tuple[Pool, ...] = field(default_factory=lambda: (pool(),))
    verdicts: dict[Subject, Verdict] = field(default_factory=dict)
    gates: dict[str, GateState] = field(default_factory=dict)
    ready: dict[str, bool | None] = field(default_factory=dict)
    states: dict[str, PoolState] = field(default_factory=dict)
    quiet_until: float = 0.0
    situation: Situation = field(default_factory=lambda: Situation({}))

    def __post_init__(self) -> None:
        for item in self.pools:
            self.put(verdict(SubjectKind.POOL, item.name))
            self.states.setdefault(item.name, PoolState(item.name, 0, (EU,)))
            for member in item.members:
                self.put(verdict(SubjectKind.MEMBER, member.name))
                self.gates.setdefault(member.name, GateState.OPEN if member.cluster == EU else GateState.SHUT)
                self.ready.setdefault(member.name, True)
        for cluster in (EU, US):
            self.put(verdict(SubjectKind.CLUSTER, cluster))
        self.put(verdict(SubjectKind.GITHUB, "acme"))
        self.put(verdict(SubjectKind.OBSERVER, OBSERVER.name))

    def put(self, item: Verdict) -> None:
        self.verdicts[item.subject] = item

    def fail(self, member: str = f"linux@{EU}", **finding: object) -> "Scene":
        """A confirmed fault of a member."""
        finding_value = fault(member, **finding)  # type: ignore[arg-type]
        self.put(verdict(SubjectKind.MEMBER, member, Health.FAILED, findings=(finding_value,)))
        return self

    @property
    def fleet(self) -> Fleet:
        return fleet(*self.pools)

    @property
    def assessment(self) -> Assessment:
        return Assessment(
            NOW, self.verdicts, self.gates, {name: _readiness(name, ok) for name, ok in self.ready.items()},
            quiet_until=self.quiet_until,
        )  # fmt: skip

    def with_states(self) -> Situation:
        return replace(self.situation, pools=_states(self.states))


def _states(states: Mapping[str, PoolState]) -> Mapping[str, PoolState]:
    return dict(states)


def _readiness(name: str, passed: bool | None) -> Readiness:
    return Readiness(name, (Check("listener", passed, "the listener runs" if passed else "no listener", NOW),))
