"""Pushing alerts: level-triggered, never blocking, the same names and labels as the Prometheus rules."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from report import samples

from monitor.model.errors import Transient
from monitor.model.settings import AlertmanagerAccess
from monitor.model.status import Status
from monitor.model.verdict import Reaction
from monitor.observe.clock import SystemClock
from monitor.observe.http import HttpClient
from monitor.report.alertmanager import ENDS_AFTER, RESEND, AlertmanagerNotifier, alerts_of

NOW = samples.NOW


@dataclass
class Answer:
    status: int = 200


@dataclass
class Peer:
    """An Alertmanager that writes down what it was told; ``fail`` makes it refuse, ``hang`` makes it wait."""

    told: list[dict[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    requests: int = 0
    fail: bool = False
    status: int = 200
    hang: asyncio.Event | None = None
    closed: bool = False

    async def request(self, method: str, path: str, /, *, headers: Mapping[str, str], json: object) -> Answer:
        assert (method, path) == ("POST", "/api/v2/alerts")
        self.requests += 1
        if self.hang is not None:
            await self.hang.wait()
        if self.fail:
            raise Transient("refused")
        assert isinstance(json, list)
        self.headers.append(headers)
        if self.status == 200:
            self.told += json
        return Answer(self.status)

    async def close(self) -> None:
        self.closed = True


def notifier(*peers: Peer, **access: Any) -> AlertmanagerNotifier:
    urls = tuple(f"http://127.0.0.1:{number}" for number in range(len(peers)))
    given = dict(zip(urls, peers, strict=True))
    return AlertmanagerNotifier(AlertmanagerAccess(urls=urls, **access), SystemClock(), lambda url, _: given[url])


async def tell(told: AlertmanagerNotifier, status: Status, now: float) -> None:
    await told.notify(status.assessment, now, tuple(status.decisions.values()))
    await told.settle()


def instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.anyio
async def test_every_peer_is_told_what_is_new() -> None:
    one, other = Peer(), Peer()
    await tell(
        notifier(one, other, labels={"env": "prod"}, page_url="https://monitor.example.com"), samples.conflict(), NOW
    )
    (alert,) = one.told
    assert other.told == one.told
    assert alert["labels"] == {
        "alertname": "ArcMonitorSessionConflict",
        "code": "DuplicateScaleSet",
        "kind": "member",
        "subject": "linux-x64@west-1",
        "pool": "linux-x64",
        "cluster": "west-1",
        "severity": "page",
        "reaction": "alert",
        "env": "prod",
    }
    assert alert["generatorURL"] == "https://monitor.example.com"
    assert alert["annotations"]["runbook_url"].endswith("docs/runbooks/duplicate-scale-set.md")
    assert "6 listener starts" in alert["annotations"]["description"]
    assert instant(alert["endsAt"]) == NOW + ENDS_AFTER


@pytest.mark.anyio
async def test_what_goes_on_is_told_again_with_its_end_moved_and_its_start_kept() -> None:
    peer = Peer()
    told = notifier(peer)
    for now in (NOW, NOW + 5.0, NOW + RESEND):
        await tell(told, samples.conflict(now), now)
    first, second = peer.told
    assert second["startsAt"] == first["startsAt"]
    assert instant(second["endsAt"]) == NOW + RESEND + ENDS_AFTER


@pytest.mark.anyio
async def test_what_is_over_is_told_once() -> None:
    peer = Peer()
    told = notifier(peer)
    await tell(told, samples.conflict(), NOW)
    await tell(told, samples.well(NOW + 5.0), NOW + 5.0)
    await tell(told, samples.well(NOW + 10.0), NOW + 10.0)
    assert [instant(alert["endsAt"]) for alert in peer.told] == [NOW + ENDS_AFTER, NOW + 5.0]


@pytest.mark.anyio
async def test_a_peer_that_was_away_is_told_when_it_is_back_even_that_it_is_over() -> None:
    peer = Peer(fail=True)
    told = notifier(peer)
    await tell(told, samples.conflict(), NOW)
    await tell(told, samples.well(NOW + 5.0), NOW + 5.0)
    peer.fail = False
    await tell(told, samples.well(NOW + 10.0), NOW + 10.0)
    (alert,) = peer.told
    assert instant(alert["endsAt"]) == NOW + 5.0


@pytest.mark.anyio
async def test_a_peer_that_hangs_blocks_neither_the_cycle_nor_the_other_peer() -> None:
    slow, quick = Peer(hang=asyncio.Event()), Peer()
    told = notifier(slow, quick)
    for cycle in range(3):
        await told.notify(samples.conflict(NOW + cycle).assessment, NOW + cycle)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(quick.told) == 1
    assert slow.requests == 1
    assert slow.told == []
    await told.close()
    assert slow.closed
    assert quick.closed


@pytest.mark.anyio
async def test_alerts_that_are_refused_do_not_hold_up_the_rest() -> None:
    peer = Peer(status=400)
    told = notifier(peer)
    await tell(told, samples.conflict(), NOW)
    peer.status = 200
    await tell(told, samples.github_down(NOW + 1.0), NOW + 1.0)
    assert {alert["labels"]["alertname"] for alert in peer.told} == {
        "ArcMonitorGitHubUnwell",
        "ArcMonitorSessionConflict",
    }


@pytest.mark.anyio
async def test_the_token_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n", encoding="utf-8")
    peer = Peer()
    told = notifier(peer, token_file=str(file))
    await tell(told, samples.conflict(), NOW)
    file.write_text("two\n", encoding="utf-8")
    await tell(told, samples.well(NOW + 1.0), NOW + 1.0)
    assert [headers["Authorization"] for headers in peer.headers] == ["Bearer one", "Bearer two"]
    file.unlink()
    await tell(told, samples.conflict(NOW + 2.0), NOW + 2.0)
    assert len(peer.headers) == 2


def names(status: Status) -> set[str]:
    return {
        alert.labels["alertname"]
        for alert in alerts_of(status.assessment, tuple(status.decisions.values()), {}, status.at)
    }


def test_a_fault_that_has_not_lasted_is_not_told() -> None:
    assert names(samples.suspect()) == set()


def test_a_blocked_switch_and_a_proposal_are_told() -> None:
    assert names(samples.blocked()) == {"ArcMonitorMemberFailed", "ArcMonitorSwitchBlocked"}
    assert names(samples.proposed()) == {"ArcMonitorMemberFailed", "ArcMonitorSwitchProposed"}


def test_what_owes_no_reaction_is_not_told() -> None:
    status = samples.conflict()
    verdicts = {
        subject: replace(verdict, findings=tuple(replace(item, reaction=Reaction.NONE) for item in verdict.findings))
        for subject, verdict in status.assessment.verdicts.items()
    }
    assert names(replace(status, assessment=replace(status.assessment, verdicts=verdicts))) == set()


@pytest.mark.anyio
async def test_it_speaks_through_the_real_http_client() -> None:
    bodies = []

    async def alertmanager(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        bodies.append((scope["path"], message["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    access = AlertmanagerAccess(urls=("http://alertmanager.example.com/prefix",))
    told = AlertmanagerNotifier(access, SystemClock(), lambda url, _: HttpClient(url, timeout=5.0, app=alertmanager))
    await tell(told, samples.conflict(), NOW)
    await told.close()
    ((path, body),) = bodies
    assert path == "/prefix/api/v2/alerts"
    assert b"ArcMonitorSessionConflict" in body
