"""A healthy world has nothing to say; what is missing is named and never counted as bad."""

import pytest
from assess.values import (
    POLL,
    START,
    Daemon,
    cluster_obs,
    codes,
    denied_obs,
    failing_github,
    failing_obs,
    fleet,
    observer,
    pool,
    snapshot,
    states,
)

from monitor.assess import RULES, Memory, assess
from monitor.model.board import Snapshot
from monitor.model.signal import Answer, Gap, UnknownCause
from monitor.model.verdict import GateState, Health, Reaction


def test_a_healthy_fleet_is_healthy_from_the_first_reading() -> None:
    seen = Daemon().walk(snapshot(START))
    assert codes(seen) == set()
    assert {str(subject): verdict.health.word for subject, verdict in seen.verdicts.items()} == {
        "observer arc-monitor": "healthy",
        "github acme": "healthy",
        "cluster east": "healthy",
        "cluster west": "healthy",
        "pool linux": "healthy",
        "member linux@east": "healthy",
        "member linux@west": "healthy",
    }
    assert seen.gates == {"linux@east": GateState.OPEN, "linux@west": GateState.SHUT}
    assert seen.readiness["linux@west"].ready


def test_idle_scale_to_zero_is_healthy_for_hours() -> None:
    daemon = Daemon()
    for poll in range(240):
        seen = daemon.walk(snapshot(START + poll * POLL))
        assert codes(seen) == set()


def test_an_empty_board_is_blind_and_blames_nobody() -> None:
    _, seen = assess(Memory(), Snapshot(START, observer()), fleet(), states(), START)
    assert codes(seen) == set()
    assert {verdict.health for verdict in seen.verdicts.values()} == {Health.BLIND}
    assert "cluster east: not polled yet" in seen.member("linux@east").unknown
    assert not seen.readiness["linux@west"].ready


@pytest.mark.parametrize("part", ["scale_sets", "listeners", "listener_pods", "runner_sets"])
def test_a_part_that_was_not_read_is_named_and_keeps_the_held_health(part: str) -> None:
    daemon = Daemon()
    daemon.walk(snapshot(START))
    at = START + POLL
    gap = Gap(part, "500", UnknownCause.SERVER_ERROR)
    seen = daemon.walk(snapshot(at, cluster_obs("east", at, **{part: None}, gaps=(gap,))))
    verdict = seen.member("linux@east")
    assert (verdict.health, verdict.seen, verdict.finding) == (Health.HEALTHY, Health.BLIND, None)
    assert f"cluster east: {part} (500)" in verdict.unknown


@pytest.mark.parametrize("part", ["listener_starts", "controllers"])
def test_a_part_that_is_not_needed_for_health_is_only_named(part: str) -> None:
    gap = Gap(part, "forbidden", UnknownCause.UNAUTHORISED)
    seen = Daemon().walk(snapshot(START, cluster_obs("east", START, **{part: None}, gaps=(gap,))))
    assert seen.member("linux@east").seen is Health.HEALTHY
    assert f"cluster east: {part} (forbidden)" in seen.member("linux@east").unknown


def test_a_stale_observation_says_nothing() -> None:
    daemon = Daemon()
    daemon.walk(snapshot(START))
    at = START + 46.0
    seen = daemon.walk(snapshot(at, cluster_obs("east", START)))
    verdict = seen.member("linux@east")
    assert (verdict.health, verdict.seen) == (Health.HEALTHY, Health.BLIND)
    assert "cluster east: last polled 46 s ago" in verdict.unknown
    assert seen.cluster("east").seen is Health.BLIND
    assert seen.readiness["linux@east"].ready is False


def test_an_observation_as_old_as_allowed_still_counts() -> None:
    daemon = Daemon()
    daemon.walk(snapshot(START))
    at = START + 45.0
    assert daemon.walk(snapshot(at, cluster_obs("east", START))).member("linux@east").seen is Health.HEALTHY


@pytest.mark.parametrize(
    "cause", [UnknownCause.LOCAL, UnknownCause.UNREADABLE, UnknownCause.RATE_LIMITED, UnknownCause.SERVER_ERROR]
)
def test_an_unknown_answer_never_counts_as_bad(cause: UnknownCause) -> None:
    daemon = Daemon()
    daemon.walk(snapshot(START))
    for poll in range(1, 60):
        at = START + poll * POLL
        seen = daemon.walk(snapshot(at, failing_obs("east", at, Answer.UNKNOWN, cause)))
        assert seen.member("linux@east").health is Health.HEALTHY
        assert seen.member("linux@east").seen is Health.BLIND
        assert seen.cluster("east").finding is None


def test_unknown_neither_confirms_nor_clears_a_failure() -> None:
    daemon = Daemon()
    at = START
    daemon.walk(snapshot(at))
    while at < START + 900.0:
        at += POLL
        gone = cluster_obs("east", at, listener_pods=())
        seen = daemon.walk(snapshot(at, gone))
    assert seen.member("linux@east").health is Health.FAILED
    for _ in range(100):
        at += POLL
        seen = daemon.walk(snapshot(at, failing_obs("east", at, Answer.UNKNOWN, UnknownCause.LOCAL)))
    assert (seen.member("linux@east").health, seen.member("linux@east").seen) == (Health.FAILED, Health.BLIND)


def test_quiet_until_covers_start_and_leadership() -> None:
    led = START + 500.0
    daemon = Daemon()
    assert daemon.walk(snapshot(START)).quiet_until == START + 70.0
    assert daemon.walk(snapshot(led, watching=observer(led_since=led))).quiet_until == led + 70.0
    assert daemon.walk(snapshot(led + 1, watching=observer(led_since=None))).quiet_until == START + 70.0


def test_member_views_of_github_that_was_not_read() -> None:
    github = failing_github(START, Answer.UNKNOWN, UnknownCause.LOCAL)
    seen = Daemon().walk(snapshot(START, github=github))
    assert seen.gates["linux@east"] is GateState.UNKNOWN
    assert seen.member("linux@east").seen is Health.HEALTHY
    assert seen.github("acme").seen is Health.BLIND


def test_denied_cluster_is_blind_at_once_and_sees_again_at_once() -> None:
    daemon = Daemon()
    daemon.walk(snapshot(START))
    at = START + POLL
    assert daemon.walk(snapshot(at, denied_obs("east", at))).cluster("east").health is Health.BLIND
    at += POLL
    assert daemon.walk(snapshot(at)).cluster("east").health is Health.HEALTHY


def test_a_fleet_with_several_pools_in_a_cluster() -> None:
    both = fleet(pool(), pool("gpu"))
    daemon = Daemon(both, states() | states(name="gpu"))
    boards = [cluster_obs(name, START, "linux", "gpu") for name in ("east", "west")]
    seen = daemon.walk(snapshot(START, *boards))
    assert codes(seen) == set()
    assert seen.readiness["gpu@west"].ready


def test_registry_is_complete_and_written_with_care() -> None:
    codes_ = [rule.code for rule in RULES]
    assert len(set(codes_)) == len(codes_)
    assert len({rule.runbook for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.catalogue, rule.code
        assert rule.sources, rule.code
        assert rule.hints, rule.code
        assert rule.looks_for, rule.code
        assert rule.evidence_against, rule.code


def test_a_right_that_is_missing_is_named_once_and_fails_nobody() -> None:
    daemon = Daemon()
    gap = Gap("listener_pods", "403: our user lacks the RBAC rule to list pods", UnknownCause.UNAUTHORISED)
    seen = daemon.walk(snapshot(START, cluster_obs("east", START, listener_pods=None, gaps=(gap,))))
    (finding,) = [item for item in seen.cluster("east").findings if item.code == "ClusterAccessDenied"]
    assert "RBAC rule to list pods" in finding.sentence
    assert (finding.reaction, seen.cluster("east").health) == (Reaction.ALERT, Health.HEALTHY)
