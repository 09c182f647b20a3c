"""Pushing alerts to Alertmanager: what can't wait for a scrape.

Everything is level-triggered. What is active is told again and again, with its end moved forward, so an Alertmanager
that was restarted learns it anew, and one that lost us lets it end by itself. What is over is told until it was taken.
Labels are those of the Prometheus rules, so Alertmanager takes a pushed alert and a scraped one for the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import structlog

from monitor.model.decision import Decision
from monitor.model.errors import MonitorError, Transient
from monitor.model.ports import Clock
from monitor.model.settings import AlertmanagerAccess
from monitor.model.verdict import Assessment, Evidence, Finding, Health, Reaction, Verdict
from monitor.report.alerts import SWITCH_BLOCKED, SWITCH_PROPOSED, alert_of_decision, alert_of_finding
from monitor.report.metrics.health import FINDING, finding_labels
from monitor.report.runbooks import BASE_URL, runbook_path, runbook_url

PATH = "/api/v2/alerts"
RESEND = 60.0
ENDS_AFTER = 5 * RESEND
BATCH = 200
MAX_PENDING = 5000
SLUGS = {SWITCH_BLOCKED: "switch-blocked", SWITCH_PROPOSED: "switch-proposed"}

_log = structlog.get_logger(__name__)

Key: TypeAlias = tuple[tuple[str, str], ...]


class Response(Protocol):
    """The part of an HTTP answer that is looked at."""

    @property
    def status(self) -> int:
        """The status code."""


class Http(Protocol):
    """The part of the HTTP client that is used."""

    def request(
        self, method: str, url_or_path: str, /, *, headers: Mapping[str, str], json: object
    ) -> Awaitable[Response]:
        """Send one request; raises a MonitorError when there is no answer."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that is active now."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    since: float

    @property
    def key(self) -> Key:
        """Its identity: the labels."""
        return tuple(sorted(self.labels.items()))

    def payload(self, ends_at: float, page_url: str) -> dict[str, Any]:
        """The body that Alertmanager wants; an end in the past means that it is over."""
        return {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": _rfc3339(self.since),
            "endsAt": _rfc3339(ends_at),
            "generatorURL": page_url,
        }


def alerts_of(
    assessment: Assessment, decisions: Sequence[Decision], labels: Mapping[str, str], now: float
) -> tuple[Alert, ...]:
    """What people should be told now. A fault that has not lasted yet, or that another explains, is not told."""
    found = {}
    for verdict in assessment.verdicts.values():
        finding = verdict.finding
        if finding is not None and _told(verdict, finding):
            alert = _of_finding(finding, labels, now)
            found[alert.key] = alert
    for decision in decisions:
        if name := alert_of_decision(decision):
            alert = _of_decision(name, decision, labels)
            found[alert.key] = alert
    return tuple(found.values())


class AlertmanagerNotifier:
    """Tells every configured Alertmanager; implements ``ports.Notifier``.

    Args:
        access: which Alertmanagers, and how to reach them.
        clock: the notifier's port; ``notify`` is told the time, so that it is the cycle's.
        http: makes a client of (base URL, CA file).
    """

    def __init__(self, access: AlertmanagerAccess, clock: Clock, http: Callable[[str, str], Http]) -> None:
        self._access = access
        self._clock = clock
        self._peers = [_Peer(url, http(url, access.ca_file), access.token_file) for url in access.urls]
        self._active: dict[Key, Alert] = {}
        self._told_at: dict[Key, float] = {}

    async def notify(self, assessment: Assessment, now: float, decisions: Sequence[Decision] = ()) -> None:
        """Hand over what is new, what is due again and what is over; sending goes on in the background."""
        if not self._peers:
            return
        page = self._access.page_url
        before, self._active = self._active, {}
        payloads = {}
        for alert in alerts_of(assessment, decisions, self._access.labels, now):
            known = before.pop(alert.key, None)
            # A start that moves would look like a new alert, so the one that was told first stays.
            self._active[alert.key] = alert if known is None else replace(alert, since=known.since)
            if known is None or now - self._told_at[alert.key] >= RESEND:
                self._told_at[alert.key] = now
                payloads[alert.key] = self._active[alert.key].payload(now + ENDS_AFTER, page)
        for key, alert in before.items():
            del self._told_at[key]
            payloads[key] = alert.payload(now, page)
        for peer in self._peers:
            peer.push(payloads)

    async def settle(self) -> None:
        """Wait until nothing is being sent; what could not be sent waits for the next ``notify``."""
        for peer in self._peers:
            await peer.settle()

    async def close(self) -> None:
        """Let go of connections; alerts that are still active end by themselves."""
        for peer in self._peers:
            await peer.close()


class _Peer:
    """One Alertmanager: what it has yet to be told, and at most one task that tells it."""

    def __init__(self, url: str, http: Http, token_file: str) -> None:
        self._url = url
        self._http = http
        self._token_file = token_file
        self._pending: dict[Key, dict[str, Any]] = {}
        self._task: asyncio.Task[None] | None = None
        self._reached = True

    def push(self, payloads: Mapping[Key, dict[str, Any]]) -> None:
        """Take payloads, the newest of each alert, and see that they are being sent."""
        self._pending |= payloads
        self._bound()
        if self._pending and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._send_all(), name=f"alertmanager {self._url}")

    async def settle(self) -> None:
        """Wait for the task that sends."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Stop sending and let go of the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._http.close()

    async def _send_all(self) -> None:
        """Send until nothing is pending or the other side fails; the rest is tried again at the next push."""
        while self._pending:
            batch = dict(list(self._pending.items())[:BATCH])
            try:
                await self._send(list(batch.values()))
            except MonitorError as error:
                self._failed(str(error))
                return
            for key, payload in batch.items():
                if self._pending.get(key) is payload:
                    del self._pending[key]
            if not self._reached:
                self._reached = True
                _log.info("alertmanager answers again", url=self._url)

    async def _send(self, payloads: list[dict[str, Any]]) -> None:
        headers = {}
        if self._token_file:
            headers["Authorization"] = f"Bearer {await _token(self._token_file)}"
        answer = await self._http.request("POST", PATH, headers=headers, json=payloads)
        if answer.status // 100 == 2:
            return
        if answer.status == 400:
            # The same payloads would be refused again, and would hold up all that come after them.
            _log.error("alertmanager refused alerts", url=self._url, alerts=len(payloads))
            return
        raise Transient(f"alertmanager answered {answer.status}")

    def _failed(self, reason: str) -> None:
        if self._reached:
            _log.warning("alertmanager not reached, trying again", url=self._url, reason=reason)
        self._reached = False

    def _bound(self) -> None:
        for key in list(self._pending)[: max(0, len(self._pending) - MAX_PENDING)]:
            del self._pending[key]


async def _token(path: str) -> str:
    """The token as it is in its file now, so that a renewed one is taken up."""
    try:
        text = await asyncio.to_thread(Path(path).read_text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Transient(f"token file {path} can't be read: {type(error).__name__}") from error
    return text.strip()


def _told(verdict: Verdict, finding: Finding) -> bool:
    if finding.reaction is Reaction.NONE:
        return False
    return verdict.health is not Health.HEALTHY or finding.health is Health.HEALTHY


def _of_finding(finding: Finding, labels: Mapping[str, str], now: float) -> Alert:
    named = dict(zip(FINDING.labels, finding_labels(finding), strict=False))
    own = {"alertname": alert_of_finding(finding.code)} | {name: value for name, value in named.items() if value}
    page = BASE_URL + runbook_path(finding.code)
    return Alert(
        {**labels, **own},
        {
            "summary": f"{finding.subject.name}: {finding.code}",
            "description": _description(finding.sentence, finding.evidence, finding.hints),
            "runbook_url": page,
        },
        now if finding.since is None else min(finding.since, now),
    )


def _of_decision(name: str, decision: Decision, labels: Mapping[str, str]) -> Alert:
    lines = [decision.sentence, *(f"{block.code}: {block.sentence}" for block in decision.blocks)]
    return Alert(
        {**labels, "alertname": name, "pool": decision.pool, "severity": "page"},
        {
            "summary": f"{decision.pool}: {decision.kind.word} ({decision.code})",
            "description": _description("\n".join(lines), decision.evidence, decision.hints),
            "runbook_url": runbook_url(SLUGS[name]),
        },
        decision.at,
    )


def _description(sentence: str, evidence: Sequence[Evidence], hints: Sequence[str]) -> str:
    facts = [f"- {item.text} ({item.path}, {_rfc3339(item.at)})" for item in evidence]
    return "\n".join([sentence, *facts, *(f"$ {hint}" for hint in hints)])


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
