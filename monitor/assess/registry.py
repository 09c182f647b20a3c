"""The registry of fault rules, most telling first: where several find something, the first one explains it.

The order: what blinds or concerns everybody, whole clusters, causes that end a member's service, causes that leave it
running or are a matter of waiting, gates, and what is only worth knowing.
"""

from monitor.assess.rule import Rule
from monitor.assess.rules import (
    both_open,
    cluster_access_denied,
    cluster_unreachable,
    conflict_everywhere,
    controller_down,
    credentials_rejected,
    credentials_rejected_everywhere,
    duplicate_scale_set,
    fenced_member_serving,
    gate_not_as_desired,
    github_access_denied,
    github_budget,
    github_unwell,
    listener_crash_loop,
    listener_not_starting,
    listener_pod_missing,
    listener_silent,
    no_healthy_member,
    observer_blind,
    orphan_listener,
    region_dark,
    returned_member,
    runner_group_missing,
    runners_pending,
    same_fault_everywhere,
    scale_set_gone,
    scale_set_missing,
    scale_set_outdated,
    session_stuck,
    shared_scale_set_id,
    stale_session,
    standby_not_ready,
    store_unwritable,
    uneven_load,
)

RULES: tuple[Rule, ...] = (
    observer_blind.RULE,
    store_unwritable.RULE,
    github_unwell.RULE,
    github_access_denied.RULE,
    github_budget.RULE,
    conflict_everywhere.RULE,
    credentials_rejected_everywhere.RULE,
    same_fault_everywhere.RULE,
    no_healthy_member.RULE,
    region_dark.RULE,
    controller_down.RULE,
    cluster_access_denied.RULE,
    cluster_unreachable.RULE,
    scale_set_missing.RULE,
    scale_set_outdated.RULE,
    credentials_rejected.RULE,
    scale_set_gone.RULE,
    session_stuck.RULE,
    listener_not_starting.RULE,
    listener_pod_missing.RULE,
    listener_silent.RULE,
    runners_pending.RULE,
    runner_group_missing.RULE,
    duplicate_scale_set.RULE,
    shared_scale_set_id.RULE,
    orphan_listener.RULE,
    stale_session.RULE,
    listener_crash_loop.RULE,
    fenced_member_serving.RULE,
    gate_not_as_desired.RULE,
    both_open.RULE,
    returned_member.RULE,
    standby_not_ready.RULE,
    uneven_load.RULE,
)

RANK = {rule.code: rank for rank, rule in enumerate(RULES)}

COMMON = frozenset(
    {conflict_everywhere.RULE.code, credentials_rejected_everywhere.RULE.code, same_fault_everywhere.RULE.code}
)
"""Pool findings that explain the pool's sick members too."""
