"""Findings and verdicts: what is wrong, whose fault it is, and how sure we are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from monitor.model.signal import Path, Signal


class SubjectKind(StrEnum):
    """What a finding or verdict is about."""

    MEMBER = "member"
    CLUSTER = "cluster"
    POOL = "pool"
    GITHUB = "github"
    OBSERVER = "observer"


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """One thing that is judged, by kind and name (``pool@cluster`` for a member, the connection for GitHub)."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


OBSERVER = Subject(SubjectKind.OBSERVER, "arc-monitor")


class Health(IntEnum):
    """What is held of a subject. The numbers are exported as a metric and never change."""

    HEALTHY = 0
    DEGRADED = 1
    FAILED = 2
    BLIND = 3

    @property
    def word(self) -> str:
        """The word that people read."""
        return self.name.lower()


class Reaction(StrEnum):
    """What a finding asks for. ``SWITCH_*`` still has to pass every block in ``decide``."""

    NONE = "none"
    ALERT = "alert"
    HOLD = "hold"
    PROPOSE = "propose"
    SWITCH_MEMBER = "switch-member"
    SWITCH_CLUSTER = "switch-cluster"

    @property
    def switches(self) -> bool:
        """Whether the finding asks for a switch of any grain."""
        return self in {Reaction.SWITCH_MEMBER, Reaction.SWITCH_CLUSTER}


class Severity(StrEnum):
    """How loud a finding is. PAGE is for user impact or lost protection only."""

    INFO = "info"
    TICKET = "ticket"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observed fact that supports a finding, when it was true, and the path it came by."""

    at: float
    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One named fault (or named normality) that the evidence supports.

    Attributes:
        code: the rule's stable name, such as ``DuplicateScaleSet``.
        subject: whom it is about.
        health: what the subject's health would be on this finding alone.
        reaction: what it asks for.
        severity: how loud it is.
        sentence: what is wrong and whose fault it is, in one sentence.
        evidence: never empty.
        would_change: what we would have to see to drop it.
        hints: exact commands or steps for people, in order.
        since: when the fault began as far as we can tell.
        impact: the evidence includes user impact (jobs wait or are stuck) or total loss.
    """

    code: str
    subject: Subject
    health: Health
    reaction: Reaction
    severity: Severity
    sentence: str
    evidence: tuple[Evidence, ...]
    would_change: str
    hints: tuple[str, ...] = ()
    since: float | None = None
    impact: bool = False

    @property
    def paths(self) -> frozenset[Path]:
        """The independent paths that support it."""
        return frozenset(item.path for item in self.evidence)


@dataclass(frozen=True, slots=True)
class Track:
    """How long a subject has looked the way it looks; the memory behind asymmetric hysteresis.

    Attributes:
        held: the health that counts, after hysteresis.
        held_since: when ``held`` began.
        seen: the newest reading.
        seen_since: when the unbroken run of readings on ``seen``'s side (fine or not fine) began.
        readings: distinct observations in that run.
        observed_at: time of the newest observation counted, so that one observation is never counted twice.
    """

    held: Health
    held_since: float
    seen: Health
    seen_since: float
    readings: int
    observed_at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What we hold of a subject, and why.

    Attributes:
        health: after hysteresis: it lasted long enough to count.
        since: when ``health`` began.
        seen: what the newest reading alone would say.
        seen_since: when the run of such readings began.
        readings: how many distinct readings are in that run.
        findings: most telling first; the first one is the chosen one.
        outranked: codes of the findings that the chosen one outranks.
        signals: the newest signal on each path.
        unknown: the inputs that were missing, each named.
    """

    subject: Subject
    health: Health
    since: float
    seen: Health
    seen_since: float
    readings: int
    findings: tuple[Finding, ...] = ()
    outranked: tuple[str, ...] = ()
    signals: tuple[Signal, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def finding(self) -> Finding | None:
        """The finding that explains the verdict; None when there is nothing to explain."""
        return self.findings[0] if self.findings else None


class GateState(StrEnum):
    """What a gate lets through, as read from GitHub."""

    OPEN = "open"
    SHUT = "shut"
    PARTIAL = "partial"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One of the checks that together prove a member ready to take over. ``passed`` None means not known."""

    name: str
    passed: bool | None
    text: str
    at: float | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a member could take over now. Not known is not ready."""

    member: str
    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Every check passed, on fresh evidence."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failing(self) -> tuple[Check, ...]:
        """The checks that did not pass, or are not known."""
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that one walk of ``assess`` concluded.

    Attributes:
        at: the instant it was made for.
        verdicts: by subject.
        gates: actual gate state by member name.
        readiness: by member name.
        last_job_at: when a job was last seen to start, by member name; None when none was seen.
        listener_starts: listener starts within the churn window, by member name.
        quiet_until: no switch may begin before this instant (start-up, leadership, blind spells).
    """

    at: float
    verdicts: Mapping[Subject, Verdict]
    gates: Mapping[str, GateState] = field(default_factory=dict)
    readiness: Mapping[str, Readiness] = field(default_factory=dict)
    last_job_at: Mapping[str, float | None] = field(default_factory=dict)
    listener_starts: Mapping[str, int] = field(default_factory=dict)
    quiet_until: float = 0.0

    def member(self, name: str) -> Verdict:
        """The verdict of member ``pool@cluster``; KeyError if it is not in the fleet."""
        return self.verdicts[Subject(SubjectKind.MEMBER, name)]

    def cluster(self, name: str) -> Verdict:
        """The verdict of a cluster; KeyError if it is not in the fleet."""
        return self.verdicts[Subject(SubjectKind.CLUSTER, name)]

    def github(self, connection: str) -> Verdict:
        """The verdict of GitHub behind a connection; KeyError if there is no such connection."""
        return self.verdicts[Subject(SubjectKind.GITHUB, connection)]

    @property
    def observer(self) -> Verdict:
        """The verdict of ourselves."""
        return self.verdicts[OBSERVER]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding of every verdict."""
        return tuple(finding for verdict in self.verdicts.values() for finding in verdict.findings)
