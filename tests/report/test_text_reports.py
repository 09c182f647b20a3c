"""What people read: the status table, the explanation, history, the incident report."""

import io
import re
from dataclasses import replace

import pytest
from report import samples
from rich.console import Console, RenderableType

from monitor.model.errors import Permanent
from monitor.model.switch import HistoryEntry, Outcome
from monitor.report.document import document
from monitor.report.incident import incident
from monitor.report.text import explain_text, history_table, status_table
from monitor.report.words import ago, plain, span


def printed(thing: RenderableType) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    console.print(thing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(line: str) -> list[str]:
    """The cells of a row: they stand two spaces apart, or more."""
    return re.split(r" {2,}", line.strip())


def test_the_table_shows_wanted_beside_actual_and_marks_what_differs() -> None:
    text = printed(status_table(document(samples.switching())))
    east = next(line for line in text.splitlines() if line.startswith("east-1"))
    assert cells(east)[1:5] == ["fenced", "failed", "shut", "! open"]
    assert "2/4 steps done" in text
    assert "now: shut acme/east-1" in text


def test_what_is_not_known_is_marked_and_never_zero() -> None:
    status = samples.well()
    github = replace(status.snapshot.github["acme"], queue=None)
    assessment = replace(status.assessment, gates={}, last_job_at={}, readiness={})
    text = printed(
        status_table(
            document(
                replace(
                    status, snapshot=replace(status.snapshot, github={"acme": github}), assessment=assessment, pools={}
                )
            )
        )
    )
    east = next(line for line in text.splitlines() if line.startswith("east-1"))
    assert cells(east)[3:6] == ["? not set", "? unknown", "? unknown"]
    assert cells(east)[7:] == ["? unknown", "? unknown"]


def test_the_footer_tells_pauses_proposals_and_the_legend() -> None:
    assert "Paused: gpu-a100 by kim until" in printed(status_table(document(samples.blocked())))
    text = printed(status_table(document(samples.proposed())))
    assert "arc-monitor approve p-01" in text
    assert "never as zero" in text


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("linux-x64", ["blocked by not-confirmed", "clears in 1 min 10 s", "3 of 4 readings"]),
        (
            "linux-x64@east-1",
            ["would change our mind", "14 of 16 ephemeral runners", "$ kubectl", "runners-pending.md"],
        ),
        ("linux-x64@west-1", ["ready to take over: yes", "ok access"]),
        ("east-1", ["Cluster east-1", "Member linux-x64@east-1"]),
        ("us-east", ["Cluster east-1"]),
        ("acme", ["4876 of 5000", "runner group east-1: 42"]),
        ("arc-monitor", ["leads", "newest cycle"]),
    ],
)
def test_everything_can_be_explained(subject: str, words: list[str]) -> None:
    text = explain_text(document(samples.suspect()), subject)
    for word in words:
        assert word in text


def test_the_explanation_names_what_was_ruled_out() -> None:
    text = explain_text(document(samples.conflict()), "linux-x64@west-1")
    assert "ruled out as the cause (outranked): ListenerCrashLoop, StaleSession" in text
    assert "NO listener" in text
    assert "? canary" in text


def test_what_does_not_exist_is_refused_with_what_does() -> None:
    with pytest.raises(Permanent, match="linux-x64, linux-arm64"):
        explain_text(document(samples.well()), "nonsense")


def test_terminals_are_told_nothing_but_text() -> None:
    made = document(samples.hostile("[bold red]x[/]\x1b[2Jy"))
    for text in (printed(status_table(made)), explain_text(made, made.pools[0].name)):
        assert "\x1b" not in text
        assert "[bold red]x[/]" in text


def test_history_is_a_table_or_says_that_there_is_none() -> None:
    assert "failback done" in printed(history_table(document(samples.well()).history))
    assert "Nothing has happened" in printed(history_table([]))


def test_the_incident_report_tells_what_was_done_in_order() -> None:
    entry = HistoryEntry(samples.NOW - 20.0, "linux-x64", "paused", "Hands off.", by="kim")
    other = HistoryEntry(samples.NOW - 20.0, "gpu-a100", "paused", "Not this one.")
    text = incident(samples.running(samples.NOW), (entry, other))
    assert text.index("intent written") < text.index("paused: Hands off. (by kim)") < text.index("42 of 42")
    assert "Not this one" not in text
    assert "`PUT /orgs/acme/actions/runner-groups/12/repositories -> 204 (request C0DE:1A2B)`" in text
    assert "| acme/east-1 | 11 | selected | 42 |" in text
    assert "`arc-monitor switchover --back 20260921T142211-7f3a`" in text


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_says_what_is_left(outcome: Outcome) -> None:
    text = incident(replace(samples.running(samples.NOW), outcome=outcome, finished_at=samples.NOW))
    assert f"| Outcome | {outcome} |" in text
    assert "Step not done: shut acme/east-1." in text


def test_foreign_text_stays_text_in_markdown() -> None:
    text = incident(replace(samples.running(samples.NOW), reason="<script> | [x](y)\n# head", by="`a`|b"))
    assert "<script>" not in text.replace(r"\<script\>", "")
    assert "\n# head" not in text
    assert r"\`a\`\|b" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (150, "2 min 30 s"), (5400, "1 h 30 min"), (200_000, "2 d 7 h")],
)
def test_spans_have_at_most_two_units(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_instants_are_before_after_or_unknown() -> None:
    assert (ago(10.0, 70.0), ago(70.0, 10.0), ago(None, 10.0)) == ("1 min ago", "in 1 min", "unknown")
    assert plain("a\x1bb\nc") == "a\N{REPLACEMENT CHARACTER}b\nc"
