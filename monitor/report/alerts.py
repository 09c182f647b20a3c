"""Which alert a finding or a decision belongs to. The Prometheus rules use the same names, a test holds them to it."""

from monitor.model.decision import BlockCode, Decision, DecisionKind

PREFIX = "ArcMonitor"
OTHER = "ArcMonitorFinding"
SWITCH_BLOCKED = "ArcMonitorSwitchBlocked"
SWITCH_PROPOSED = "ArcMonitorSwitchProposed"

OF_FINDINGS: dict[str, tuple[str, ...]] = {
    "ArcMonitorObserverBlind": ("ObserverBlind",),
    "ArcMonitorStoreUnwritable": ("StoreUnwritable",),
    "ArcMonitorGitHubUnwell": ("GitHubUnwell",),
    "ArcMonitorSameFaultEverywhere": (
        "ConflictEverywhere",
        "CredentialsRejectedEverywhere",
        "NoHealthyMember",
        "SameFaultEverywhere",
    ),
    "ArcMonitorAccessDenied": ("ClusterAccessDenied", "GitHubAccessDenied"),
    "ArcMonitorRegionFailed": ("ControllerDown", "RegionDark"),
    "ArcMonitorClusterUnreachable": ("ClusterUnreachable",),
    "ArcMonitorSessionConflict": (
        "DuplicateScaleSet",
        "OrphanListener",
        "SessionStuck",
        "SharedScaleSetId",
        "StaleSession",
    ),
    "ArcMonitorListenerCrashLoop": ("ListenerCrashLoop",),
    "ArcMonitorMemberFailed": (
        "CredentialsRejected",
        "ListenerNotStarting",
        "ListenerPodMissing",
        "ListenerSilent",
        "RunnersPending",
        "ScaleSetGone",
        "ScaleSetMissing",
        "ScaleSetOutdated",
    ),
    "ArcMonitorGateNotAsWanted": ("BothOpen", "FencedMemberServing", "GateNotAsDesired"),
    "ArcMonitorStandbyNotReady": ("StandbyNotReady",),
    "ArcMonitorBudgetLow": ("GitHubBudget",),
}
"""Codes by alert. A code that is not here belongs to ``ArcMonitorFinding``."""

PASSING_BLOCKS = frozenset(
    {BlockCode.MODE_OBSERVE, BlockCode.NOT_CONFIRMED, BlockCode.QUIET_START, BlockCode.SWITCH_RUNNING}
)
"""Blocks that belong to every switch's beginning, or that somebody chose: nothing is wrong with them."""

_BY_CODE = {code: alert for alert, codes in OF_FINDINGS.items() for code in codes}


def alert_of_finding(code: str) -> str:
    """The alert that a finding of this code belongs to."""
    return _BY_CODE.get(code, OTHER)


def alert_of_decision(decision: Decision) -> str:
    """The alert that a decision belongs to; empty when nobody need be told."""
    if decision.kind is DecisionKind.PROPOSE:
        return SWITCH_PROPOSED
    lasting = any(block.code not in PASSING_BLOCKS for block in decision.blocks)
    return SWITCH_BLOCKED if decision.wanted and lasting else ""
