"""The dashboards: is it us, is it GitHub, who serves what, what is done about it, and is the daemon well."""

from typing import Any

from monitor.model.decision import DecisionKind
from monitor.model.verdict import Health
from tools.dashboard_builder import Panel, dashboard

_COLOURS = {Health.HEALTHY: "green", Health.DEGRADED: "yellow", Health.FAILED: "red", Health.BLIND: "purple"}
_DECISIONS = {
    DecisionKind.NONE: "green",
    DecisionKind.ALERT: "yellow",
    DecisionKind.HOLD: "orange",
    DecisionKind.PROPOSE: "blue",
    DecisionKind.SWITCH: "purple",
}
HEALTH = {health.value: (health.word, colour) for health, colour in _COLOURS.items()}
DECISION = {kind.value: (kind.word, colour) for kind, colour in _DECISIONS.items()}
GATE = {0: ("shut", "text"), 1: ("open", "green")}
YES_NO = {0: ("no", "red"), 1: ("yes", "green")}


def fleet_overview() -> dict[str, Any]:
    """Is it us, is it GitHub, who serves what, what is done about it, and is the daemon well."""
    return dashboard(
        "arc-monitor: fleet overview",
        "arc-monitor-fleet",
        "Is it us or GitHub, which cluster serves which pool, what is wanted beside what is, and what was switched.",
        {
            "First glance": _glance(),
            "Pools: wanted beside actual": _pools(),
            "Members": _members(),
            "GitHub": _github(),
            "Switches": _switches(),
            "The daemon itself": _daemon(),
        },
    )


def _glance() -> list[Panel]:
    bad = [(None, "green"), (1.0, "red")]
    return [
        Panel(
            "arc-monitor",
            "What the daemon holds of itself. Blind: it switches nothing.",
            "stat",
            {"observer": "max(arc_monitor_observer_health)"},
            width=4,
            height=4,
            mapping=HEALTH,
        ),
        Panel(
            "GitHub",
            "The worst of all connections. Not healthy: it is GitHub, not us, and every switch is held.",
            "stat",
            {"{{connection}}": "max by (connection) (arc_monitor_github_health)"},
            width=4,
            height=4,
            mapping=HEALTH,
        ),
        Panel(
            "Clusters not healthy",
            "How many clusters are degraded, failed or not known.",
            "stat",
            {"clusters": "sum(max by (cluster) (arc_monitor_cluster_health) > bool 0)"},
            unit="none",
            width=4,
            height=4,
            steps=bad,
        ),
        Panel(
            "Members not healthy",
            "How many pools in a cluster are degraded, failed or not known.",
            "stat",
            {"members": "sum(max by (pool, cluster) (arc_monitor_member_health) > bool 0)"},
            unit="none",
            width=4,
            height=4,
            steps=bad,
        ),
        Panel(
            "Switches wanted",
            "Pools whose switch is wanted, begun or not.",
            "stat",
            {"pools": "sum(max by (pool) (arc_monitor_switch_wanted))"},
            unit="none",
            width=4,
            height=4,
            steps=[(None, "green"), (1.0, "purple")],
        ),
        Panel(
            "Standbys not ready",
            "Members that could not take over now. Protection is lost, though nothing is broken yet.",
            "stat",
            {"members": "sum(max by (pool, cluster) (arc_monitor_member_ready) == bool 0)"},
            unit="none",
            width=4,
            height=4,
            steps=[(None, "green"), (1.0, "orange")],
        ),
        Panel(
            "Findings",
            "Every named fault that explains a verdict now. The code is the runbook's name.",
            "table",
            {
                "finding": "max by (code, subject, severity, reaction) "
                '(arc_monitor_finding{rank="chosen", pool=~"$pool|", cluster=~"$cluster|"})'
            },
            width=24,
            height=6,
            instant=True,
        ),
    ]


def _pools() -> list[Panel]:
    return [
        Panel(
            "Decision",
            "What is decided for each pool, over time.",
            "state-timeline",
            {"{{pool}}": 'max by (pool) (arc_monitor_decision{pool=~"$pool"})'},
            width=12,
            mapping=DECISION,
        ),
        Panel(
            "Gates",
            "Whether jobs reach a pool in a cluster, as read from GitHub. A hole means that it could not be read.",
            "state-timeline",
            {"{{pool}} in {{cluster}}": _member("arc_monitor_gate_open")},
            width=12,
            mapping=GATE,
        ),
        Panel(
            "Gates not as wanted",
            "1 where wanted and actual differ: somebody else changes runner groups, or a switch is under way.",
            "timeseries",
            {"{{pool}} in {{cluster}}": f"{_member('arc_monitor_gate_differs')} == 1"},
            unit="none",
            width=12,
            decimals=0,
        ),
        Panel(
            "What blocks a switch",
            "The conditions that are missing while a switch is wanted.",
            "table",
            {"block": 'max by (pool, code) (arc_monitor_block{pool=~"$pool"})'},
            width=12,
            instant=True,
        ),
    ]


def _members() -> list[Panel]:
    where = "{{pool}} in {{cluster}}"
    return [
        Panel(
            "Health",
            "The verdict of each member, after it has lasted.",
            "state-timeline",
            {where: _member("arc_monitor_member_health")},
            width=12,
            height=10,
            mapping=HEALTH,
        ),
        Panel(
            "Ready to take over",
            "Whether each member that is shut could serve now. Not known counts as no.",
            "state-timeline",
            {where: _member("arc_monitor_member_ready")},
            width=12,
            height=10,
            mapping=YES_NO,
        ),
        Panel(
            "Listener starts",
            "Starts within the churn window, counted by pod UID. A healthy listener starts once in days.",
            "timeseries",
            {where: _member("arc_monitor_listener_starts")},
            unit="none",
            decimals=0,
        ),
        Panel(
            "Runners that do not come up",
            "Assigned minus running: what the listener asked for less what runs. A black hole grows here.",
            "timeseries",
            {where: _member("arc_monitor_unfilled_runners")},
            unit="none",
        ),
        Panel(
            "Since a job last started",
            "Age of the newest job that was seen to start. Long on a standby, and on an idle night.",
            "timeseries",
            {where: f"time() - {_member('arc_monitor_last_job_timestamp_seconds')}"},
            unit="s",
        ),
    ]


def _github() -> list[Panel]:
    return [
        Panel(
            "Oldest queued job",
            "How long the oldest job of the sentinel repositories waits, by label. This is what users feel.",
            "timeseries",
            {"{{label}}": "max by (label) (arc_monitor_oldest_queued_job_age_seconds)"},
            unit="s",
        ),
        Panel(
            "Queued jobs",
            "Jobs of the sentinel repositories that wait, by label.",
            "timeseries",
            {"{{label}}": "max by (label) (arc_monitor_queued_jobs)"},
            unit="none",
        ),
        Panel(
            "Runners",
            "Runners by group and status as GitHub lists them.",
            "timeseries",
            {"{{group}} {{status}}": "max by (group, status) (arc_monitor_runners)"},
            unit="none",
        ),
        Panel(
            "Rate limit left",
            "Share of GitHub's hourly requests that is left. A saw tooth is normal.",
            "timeseries",
            {
                "{{connection}}": "min by (connection) (arc_monitor_github_rate_limit_remaining) "
                "/ min by (connection) (arc_monitor_github_rate_limit)"
            },
            unit="percentunit",
        ),
        Panel(
            "Repositories of runner groups",
            "Entries of each group's access list. Active and standby should agree when both are open.",
            "timeseries",
            {"{{group}}": "max by (group) (arc_monitor_runner_group_repositories)"},
            unit="none",
        ),
        Panel(
            "Status page",
            "GitHub's own word: 0 is operational, higher is worse.",
            "timeseries",
            {"{{component}}": "max by (component) (arc_monitor_github_status)"},
            unit="none",
            decimals=0,
        ),
    ]


def _switches() -> list[Panel]:
    return [
        Panel(
            "Switches by outcome",
            "Ended switches in the range of the dashboard.",
            "stat",
            {"{{kind}} {{outcome}}": "max by (kind, outcome) (increase(arc_monitor_switches_total[$__range])) > 0"},
            unit="none",
            steps=[(None, "text")],
            instant=True,
            decimals=0,
        ),
        Panel(
            "How long switches take",
            "Median and slowest tenth of the remembered switches, from intent to end.",
            "timeseries",
            {
                "median": "histogram_quantile(0.5, max by (le) (arc_monitor_switch_duration_seconds_bucket))",
                "slowest tenth": "histogram_quantile(0.9, max by (le) (arc_monitor_switch_duration_seconds_bucket))",
            },
            unit="s",
        ),
        Panel(
            "Running",
            "Pools that a switch is moving.",
            "timeseries",
            {"{{kind}} of {{pool}}": 'max by (pool, kind) (arc_monitor_switch_running{pool=~"$pool"})'},
            unit="none",
            decimals=0,
        ),
    ]


def _daemon() -> list[Panel]:
    return [
        Panel(
            "Polls that fail",
            "Failed polls per second, by target.",
            "timeseries",
            {"{{target}}": "sum by (target) (rate(arc_monitor_poll_failures_total[$__rate_interval])) > 0"},
            unit="reqps",
        ),
        Panel(
            "Poll duration",
            "How long the newest poll of each target took.",
            "timeseries",
            {"{{target}}": "max by (target) (arc_monitor_poll_duration_seconds)"},
            unit="s",
        ),
        Panel(
            "Cycle lateness",
            "Seconds by which cycles come late. A late daemon holds itself to be blind.",
            "timeseries",
            {"{{instance}}": "max by (instance) (arc_monitor_cycle_late_seconds)"},
            unit="s",
        ),
        Panel(
            "CPU",
            "Cores that the daemon uses.",
            "timeseries",
            {
                "{{instance}}": "rate(process_cpu_seconds_total[$__rate_interval]) "
                "and on (instance, job) arc_monitor_build_info"
            },
            unit="short",
        ),
        Panel(
            "Memory",
            "Resident memory of the daemon.",
            "timeseries",
            {"{{instance}}": "process_resident_memory_bytes and on (instance, job) arc_monitor_build_info"},
            unit="bytes",
        ),
        Panel(
            "Parts that could not be read",
            "Gaps in the newest observations; each counts as unknown, never as bad.",
            "table",
            {"gap": "max by (source, part) (arc_monitor_gap)"},
            instant=True,
        ),
    ]


def _member(metric: str) -> str:
    return f'max by (pool, cluster) ({metric}{{pool=~"$pool", cluster=~"$cluster"}})'
