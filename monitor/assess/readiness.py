"""Proof, kept up in peace time, that a member could take over now. What is not known is not ready."""

from collections.abc import Iterator

from monitor.assess.memory import Spell
from monitor.assess.text import count, span
from monitor.assess.view import MemberView, View, steady_after
from monitor.model.github import RunnerGroup
from monitor.model.signal import Answer, UnknownCause
from monitor.model.verdict import Check, Readiness

FENCE = "fence"
"""Name of the check that a planned switch may overrule: a person who asks for it lifts the fence."""


def readiness(view: View, member: MemberView) -> Readiness:
    """Every check of one member, each with its text and the time of the reading behind it."""
    return Readiness(member.name, tuple(_checks(view, member)))


def fit(found: Readiness) -> bool:
    """Whether every check but the fence passed: the member is well, and kept shut on purpose."""
    return all(check.passed for check in found.checks if check.name != FENCE)


def _checks(view: View, member: MemberView) -> Iterator[Check]:
    yield _eligible(member)
    yield _fence(member)
    yield _api(member)
    yield _controller(member)
    yield _registered(member)
    yield _listener(member)
    yield _steady(member)
    yield _runners(member)
    yield _capacity(member)
    yield _github(member)
    yield _gate(member)
    yield _policy(view, member)


def _eligible(member: MemberView) -> Check:
    if member.member.eligible:
        return Check("eligible", True, "may be a switch's target", None)
    return Check("eligible", False, "the configuration says it must never be a switch's target", None)


def _fence(member: MemberView) -> Check:
    fence = member.fence
    if fence is None:
        return Check(FENCE, True, "not fenced", None)
    return Check(FENCE, False, f"fenced by {fence.intent or 'a switch'}: {fence.reason}", fence.since)


def _api(member: MemberView) -> Check:
    signal = member.cluster.signal
    passed = {Answer.OK: True, Answer.UNKNOWN: None}.get(signal.answer, False)
    return Check("api", passed, signal.detail or f"the cluster's API: {signal.answer}", signal.at)


def _controller(member: MemberView) -> Check:
    controllers = member.cluster.controllers
    if not controllers:
        text = "controllers were not read" if controllers is None else "no ARC controller was found by its labels"
        return Check("controller", None, text, member.at)
    down = [one for one in controllers if one.ready == 0]
    if down:
        text = f"controller {down[0].namespace}/{down[0].name} has 0 of {down[0].wanted} replicas ready"
        return Check("controller", False, text, member.at)
    return Check("controller", True, f"{count(len(controllers), 'controller')} ready", member.at)


def _registered(member: MemberView) -> Check:
    if member.scale_sets is None:
        return Check("registered", None, "scale sets were not read", member.at)
    scale_set = member.scale_set
    if scale_set is None:
        return Check("registered", False, f"no scale set {member.member.scale_set} in the cluster", member.at)
    if scale_set.scale_set_id is None:
        return Check("registered", False, f"{scale_set.name} has no id at GitHub yet", member.at)
    if scale_set.phase not in {"", "Running"}:
        return Check("registered", False, f"{scale_set.name} is in phase {scale_set.phase}", member.at)
    return Check("registered", True, f"{scale_set.name} has id {scale_set.scale_set_id}", member.at)


def _listener(member: MemberView) -> Check:
    if member.listeners is None or any(one.pods is None for one in member.listeners):
        return Check("listener", None, "listeners were not read", member.at)
    if len(member.listeners) != 1:
        return Check("listener", False, f"{len(member.listeners)} listeners, one is right", member.at)
    listener = member.listeners[0]
    if not listener.running:
        return Check("listener", False, f"{listener.listener.name} has no running pod", member.at)
    return Check("listener", True, f"{listener.listener.name} runs", member.at)


def _steady(member: MemberView) -> Check:
    listener = member.listener
    if listener is None or listener.pods is None:
        return Check("steady", None, "no listener to judge", member.at)
    if listener.looping or listener.conflicted:
        window = span(member.thresholds.churn_window)
        return Check("steady", False, f"{count(listener.starts, 'start')} within {window}", member.at)
    if not listener.steady:
        wanted = span(steady_after(member.thresholds))
        ran = "does not run" if listener.ran_for is None else f"has run for {span(listener.ran_for)}"
        return Check("steady", None, f"the listener {ran}, {wanted} are wanted", member.at)
    return Check("steady", True, f"the listener has run for {span(listener.ran_for or 0.0)}", member.at)


def _runners(member: MemberView) -> Check:
    if member.runner_sets is None:
        return Check("runners", None, "runner sets were not read", member.at)
    failed = sum(one.failed for one in member.runner_sets)
    stuck: Spell | None = member.memory.stuck
    if stuck is not None:
        pending = sum(one.pending for one in member.runner_sets)
        text = f"{pending} pending and {failed} failed runners, none started for {span(stuck.lasted)}"
        # Runners that have just begun to wait prove neither that the cluster can start them nor that it can't.
        lasted = stuck.lasted >= member.thresholds.pending_after
        return Check("runners", False if lasted else None, text, member.at)
    return Check("runners", True, "no runner is stuck", member.at)


def _capacity(member: MemberView) -> Check:
    scale_set = member.scale_set
    if scale_set is None:
        return Check("capacity", None, "no scale set to judge", member.at)
    limit = scale_set.max_runners
    if limit == 0:
        return Check("capacity", False, "maxRunners is 0: it takes no jobs", member.at)
    return Check("capacity", True, "no limit" if limit is None else f"up to {count(limit, 'runner')}", member.at)


def _github(member: MemberView) -> Check:
    if member.github is None:
        return Check("github", None, f"no connection {member.member.gate.connection}", None)
    signal = member.github.signal
    if signal.cause is UnknownCause.STALE:
        return Check("github", None, signal.detail, signal.at)
    passed = {Answer.OK: True, Answer.UNKNOWN: None}.get(signal.answer, False)
    return Check("github", passed, signal.detail or f"GitHub's API: {signal.answer}", signal.at)


def _gate(member: MemberView) -> Check:
    group = member.group
    name = member.member.gate.group
    at = member.github.signal.at if member.github else None
    if group is None:
        if member.group_missing:
            return Check("gate", False, f"there is no runner group {name}", at)
        return Check("gate", None, f"runner group {name} was not read", at)
    if group.inherited:
        return Check("gate", False, f"runner group {name} belongs to the enterprise and can't be changed here", at)
    if group.repositories is None and group.visibility == "selected":
        return Check("gate", None, f"the repositories of runner group {name} were not read", at)
    return Check("gate", True, f"runner group {name} is {member.gate}", at)


def _policy(view: View, member: MemberView) -> Check:
    """Whether its group lets in the same kinds of jobs as the groups that serve now."""
    at = member.github.signal.at if member.github else None
    if member.group is None:
        return Check("policy", None, "its runner group was not read", at)
    others = [one for one in view.pools[member.pool.name] if one.expected and one.name != member.name]
    for other in others:
        if other.group is None:
            return Check("policy", None, f"runner group {other.member.gate.group} was not read", at)
        difference = _difference(member.group, other.group)
        if difference:
            return Check("policy", False, difference, at)
    return Check("policy", True, "same rules for repositories and workflows as the groups that serve", at)


def _difference(group: RunnerGroup, other: RunnerGroup) -> str:
    if group.allows_public_repositories is not other.allows_public_repositories:
        one, two = (other, group) if other.allows_public_repositories else (group, other)
        return f"runner group {one.name} allows public repositories, {two.name} does not"
    if group.restricted_to_workflows is not other.restricted_to_workflows:
        one, two = (other, group) if other.restricted_to_workflows else (group, other)
        return f"runner group {one.name} is restricted to some workflows, {two.name} is not"
    if group.restricted_to_workflows and set(group.selected_workflows) != set(other.selected_workflows):
        return f"runner groups {group.name} and {other.name} are restricted to different workflows"
    return ""
