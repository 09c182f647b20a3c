"""Decisions: the one object that log, metric, alert, CLI, API and journal print."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from monitor.model.verdict import Evidence


class DecisionKind(IntEnum):
    """What is to happen. The numbers are exported as a metric and never change."""

    NONE = 0
    ALERT = 1
    HOLD = 2
    PROPOSE = 3
    SWITCH = 4

    @property
    def word(self) -> str:
        """The word that people read."""
        return self.name.lower()


class BlockCode(StrEnum):
    """Why a wanted switch does not begin. Each is a named condition that some test lifts alone."""

    MODE_OBSERVE = "mode-observe"
    NOT_CONFIRMED = "not-confirmed"
    ONE_PATH_ONLY = "one-path-only"
    NO_USER_IMPACT = "no-user-impact"
    GITHUB_UNWELL = "github-unwell"
    CORRELATED = "correlated"
    NO_READY_TARGET = "no-ready-target"
    LAST_OPEN_GATE = "last-open-gate"
    SHARED_GATE = "shared-gate"
    OBSERVER_BLIND = "observer-blind"
    QUIET_START = "quiet-start"
    COOL_DOWN = "cool-down"
    BUDGET_SPENT = "budget-spent"
    PAUSED = "paused"
    SWITCH_RUNNING = "switch-running"
    GATE_UNKNOWN = "gate-unknown"
    STORE_UNWRITABLE = "store-unwritable"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Block:
    """One condition that is missing.

    Attributes:
        code: which.
        sentence: why, with the numbers.
        clears_at: when it clears by itself if nothing changes; None when time alone does not clear it.
    """

    code: BlockCode
    sentence: str
    clears_at: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided for one pool at one instant.

    Attributes:
        pool: for which pool.
        kind: what is to happen.
        code: the finding's code that led here, or ``Steady``.
        sentence: the decision in one sentence.
        source: clusters to be shut; empty unless a switch is wanted.
        target: clusters to be opened; empty when a sick member of an active/active pool is only shut.
        scope: every other pool that shares the gates and would move too.
        blocks: what keeps a wanted switch from beginning; empty for a switch that begins.
        evidence: of the finding.
        hints: exact commands for people.
        at: the instant it was decided for.
        proposal: id of the proposal that waits for ``approve``; empty otherwise.
    """

    pool: str
    kind: DecisionKind
    code: str
    sentence: str
    at: float
    source: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    hints: tuple[str, ...] = ()
    proposal: str = ""

    @property
    def wanted(self) -> bool:
        """Whether a switch is wanted, begun or not."""
        return bool(self.source)
