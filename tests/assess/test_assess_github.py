"""GitHub itself: unwell, refusing us, or out of calls. Whatever it is, clusters are not blamed for it."""

from typing import Any

import pytest
from assess.values import (
    CONNECTION,
    POLL,
    START,
    Daemon,
    cluster_obs,
    codes,
    death,
    failing_github,
    found,
    github_obs,
    listener,
    pod,
    scale_set,
    snapshot,
)

from monitor.model.github import RateBudget, ServiceStatus, StatusObservation
from monitor.model.kubernetes import ClusterObservation, ExitCause
from monitor.model.signal import Answer, Gap, Path, Signal, UnknownCause
from monitor.model.verdict import Assessment, Health, Reaction, Severity


def page(at: float, state: ServiceStatus = ServiceStatus.OPERATIONAL, *incidents: str) -> StatusObservation:
    return StatusObservation(at, Signal(Path.STATUS, Answer.OK, at), {"Actions": state}, incidents)


def github_codes(seen: Assessment) -> set[str]:
    return {code for code, name in codes(seen) if name == CONNECTION}


@pytest.mark.parametrize(
    ("answer", "cause", "code", "health"),
    [
        (Answer.BAD, UnknownCause.NONE, "GitHubUnwell", Health.FAILED),
        (Answer.UNREACHABLE, UnknownCause.NONE, "GitHubUnwell", Health.FAILED),
        (Answer.UNKNOWN, UnknownCause.SERVER_ERROR, "GitHubUnwell", Health.BLIND),
        (Answer.UNKNOWN, UnknownCause.UNAUTHORISED, "GitHubAccessDenied", Health.BLIND),
        (Answer.UNKNOWN, UnknownCause.RATE_LIMITED, "GitHubBudget", Health.BLIND),
    ],
)
def test_what_the_api_answers_takes_effect_at_once_and_holds(
    answer: Answer, cause: UnknownCause, code: str, health: Health
) -> None:
    daemon = Daemon()
    daemon.walk(snapshot(START))
    at = START + POLL
    seen = daemon.walk(snapshot(at, github=failing_github(at, answer, cause)))
    finding = found(seen, code, CONNECTION)
    assert finding.reaction is Reaction.HOLD
    assert (seen.github(CONNECTION).health, seen.github(CONNECTION).seen) == (health, health)
    assert seen.member("linux@east").health is Health.HEALTHY
    assert seen.member("linux@east").finding is None


def test_github_must_be_well_for_as_long_as_a_fault_must_last() -> None:
    daemon = Daemon()
    daemon.walk(snapshot(START, github=failing_github(START, Answer.UNREACHABLE)))
    cleared = 0.0
    at = START
    while not cleared and at < START + 900.0:
        at += POLL
        if daemon.walk(snapshot(at)).github(CONNECTION).health is Health.HEALTHY:
            cleared = at
    assert 120.0 <= cleared - START - POLL <= 120.0 + POLL


class TestStatusPage:
    def test_a_watched_component_that_is_not_operational_holds(self) -> None:
        status = page(START, ServiceStatus.PARTIAL_OUTAGE, "Actions is slow")
        finding = found(Daemon().walk(snapshot(START, status=status)), "GitHubUnwell")
        assert (finding.health, finding.reaction, finding.severity) == (
            Health.DEGRADED,
            Reaction.HOLD,
            Severity.TICKET,
        )
        assert finding.paths == {Path.STATUS}
        assert "Actions is slow" in finding.evidence[0].text

    @pytest.mark.parametrize(
        "status",
        [
            page(START),
            page(START, ServiceStatus.OPERATIONAL, "Copilot is slow"),
            page(START - 400.0, ServiceStatus.MAJOR_OUTAGE),
            StatusObservation(
                START,
                Signal(Path.STATUS, Answer.UNREACHABLE, START),
                {"Actions": ServiceStatus.MAJOR_OUTAGE},
            ),
        ],
    )
    def test_a_green_an_old_or_an_unread_page_says_nothing(self, status: StatusObservation) -> None:
        assert codes(Daemon().walk(snapshot(START, status=status))) == set()

    def test_a_page_that_is_configured_speaks_for_a_github_enterprise_server_too(self) -> None:
        board = snapshot(
            START, github=github_obs(START, version="3.19.1"), status=page(START, ServiceStatus.MAJOR_OUTAGE)
        )
        assert {code for code, _ in codes(Daemon().walk(board))} == {"GitHubUnwell"}


class TestListeners:
    @staticmethod
    def sick(cluster: str, at: float, cause: ExitCause) -> ClusterObservation:
        own = listener(scale_set(cluster))
        uid = f"{cluster}-{at}"
        return cluster_obs(cluster, at, listener_pods=(pod(own, uid, at - 2.0, exits=(death(cause, at, uid),)),))

    @pytest.mark.parametrize("cause", [ExitCause.NETWORK, ExitCause.SESSION_LOST, ExitCause.CONFLICT])
    def test_the_same_trouble_in_every_cluster_is_githubs(self, cause: ExitCause) -> None:
        daemon = Daemon()
        for poll in range(10):
            at = START + poll * POLL
            seen = daemon.walk(snapshot(at, *(self.sick(name, at, cause) for name in ("east", "west"))))
        finding = found(seen, "GitHubUnwell")
        assert "all 2 clusters" in finding.sentence
        assert {fact.path for fact in finding.evidence} == {Path.KUBERNETES}
        assert not any(verdict.finding.reaction.switches for verdict in seen.verdicts.values() if verdict.finding)

    @pytest.mark.parametrize("cause", [ExitCause.NETWORK, ExitCause.SESSION_LOST, ExitCause.CONFLICT])
    def test_in_one_cluster_it_is_that_clusters(self, cause: ExitCause) -> None:
        daemon = Daemon()
        for poll in range(10):
            at = START + poll * POLL
            seen = daemon.walk(snapshot(at, self.sick("east", at, cause)))
        assert github_codes(seen) == set()


class TestBudget:
    def test_no_calls_left_is_said_with_the_time_of_the_reset(self) -> None:
        github = github_obs(START, budget=RateBudget(5000, 0, START + 600.0))
        finding = found(Daemon().walk(snapshot(START, github=github)), "GitHubBudget")
        assert "0 of 5000 calls left, more in 10 min" in finding.sentence
        assert finding.health is Health.BLIND

    def test_a_part_that_was_rate_limited(self) -> None:
        gap = Gap("queue", "429", UnknownCause.RATE_LIMITED)
        seen = Daemon().walk(snapshot(START, github=github_obs(START, queue=None, gaps=(gap,))))
        assert found(seen, "GitHubBudget").reaction is Reaction.HOLD
        assert "github acme: queue (429)" in seen.member("linux@east").unknown

    @pytest.mark.parametrize("budget", [RateBudget(5000, 1, START + 600.0), RateBudget(5000, 0, START - 1.0), None])
    def test_calls_left_or_a_new_window_are_fine(self, budget: Any) -> None:
        assert codes(Daemon().walk(snapshot(START, github=github_obs(START, budget=budget)))) == set()
