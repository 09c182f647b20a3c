"""The status document says what the Status says, and nothing that is not known looks like a zero."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from report import samples

from monitor.model.status import Status
from monitor.model.verdict import GateState
from monitor.report.document import decode, document, encode
from monitor.report.shapes import MemberDoc, PoolDoc, StatusDocument

SAMPLES = [
    samples.well,
    samples.conflict,
    samples.suspect,
    samples.blocked,
    samples.proposed,
    samples.switching,
    samples.blind,
    samples.github_down,
]


def pool_of(made: StatusDocument, name: str) -> PoolDoc:
    return next(pool for pool in made.pools if pool.name == name)


def member_of(made: StatusDocument, name: str) -> MemberDoc:
    return next(member for pool in made.pools for member in pool.members if member.name == name)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_document_survives_its_json(sample: Callable[[], Status]) -> None:
    made = document(sample())
    assert decode(encode(made)) == made


@pytest.mark.parametrize(
    ("sample", "level", "whose", "word"),
    [
        (samples.well, "ok", "nobody", "All is well"),
        (samples.conflict, "bad", "us", "linux-x64@west-1"),
        (samples.suspect, "warn", "us", "under suspicion"),
        (samples.blocked, "bad", "us", "linux-x64@east-1"),
        (samples.switching, "busy", "us", "Failover of linux-x64"),
        (samples.blind, "blind", "observer", "can't see"),
        (samples.github_down, "bad", "github", "GitHub, not us"),
    ],
)
def test_the_headline_says_whose_trouble_it_is(sample: Callable[[], Status], level: str, whose: str, word: str) -> None:
    headline = document(sample()).headline
    assert (headline.level, headline.whose) == (level, whose)
    assert word in headline.title


@pytest.mark.parametrize(
    ("sample", "pool", "words", "after"),
    [
        (samples.well, "linux-x64", "Nothing to do", None),
        (samples.suspect, "linux-x64", "blocked by not-confirmed", 70.0),
        (samples.blocked, "linux-x64", "time alone does not clear", None),
        (samples.proposed, "gpu-a100", "approve p-01", 1740.0),
        (samples.switching, "linux-x64", "now: shut acme/east-1", None),
        (samples.github_down, "linux-x64", "Holds", None),
    ],
)
def test_what_comes_next_is_said_with_its_time(
    sample: Callable[[], Status], pool: str, words: str, after: float | None
) -> None:
    outlook = pool_of(document(sample()), pool).outlook
    assert words in outlook.sentence
    assert outlook.at == (None if after is None else samples.NOW + after)


def test_a_suspect_shows_how_many_readings_are_still_needed() -> None:
    run = member_of(document(samples.suspect()), "linux-x64@east-1").verdict.run
    assert run is not None
    assert (run.towards, run.readings, run.needed) == ("failed", 3, 4)
    assert run.due_at == samples.NOW - 50.0 + 120.0


def test_roles_tell_active_standby_fenced_and_never() -> None:
    made = document(samples.switching())
    roles = {member.cluster: member.role for member in pool_of(made, "linux-x64").members}
    assert roles == {"east-1": "fenced", "west-1": "active", "north-1": "never"}


def test_a_gate_that_is_not_as_wanted_differs() -> None:
    east = member_of(document(samples.switching()), "linux-x64@east-1")
    assert (east.wanted, east.actual, east.differs) == ("shut", "open", True)


def test_steps_are_done_current_and_to_do() -> None:
    (running,) = document(samples.switching()).running
    assert [step.state for step in running.steps] == ["done", "done", "current", "to do"]


def test_what_was_not_read_is_null_and_never_zero() -> None:
    status = samples.well()
    connection = replace(status.snapshot.github["acme"], runners=None, queue=None, groups=None, budget=None, skew=None)
    snapshot = replace(status.snapshot, github={"acme": connection}, clusters={}, status=None)
    assessment = replace(
        status.assessment,
        gates=dict.fromkeys(status.assessment.gates, GateState.UNKNOWN),
        readiness={},
        last_job_at={},
        listener_starts={},
    )
    made = document(replace(status, snapshot=snapshot, assessment=assessment, pools={}))
    member = member_of(made, "linux-x64@east-1")
    unknown = (member.wanted, member.ready, member.runners, member.queue, member.runner_set, member.last_job_at)
    assert unknown == (None,) * 6
    assert member.actual == "unknown"
    assert not member.differs
    assert made.github[0].groups[0].repositories is None
    assert made.status_page is None
    assert made.regions[0].clusters[0].scale_sets is None


def test_before_anything_is_desired_an_open_gate_makes_a_member_active() -> None:
    made = document(replace(samples.well(), pools={}))
    assert [member.role for member in pool_of(made, "linux-x64").members] == ["active", "standby", "never"]
    assert pool_of(made, "linux-x64").epoch is None


def test_the_cool_down_of_an_automatic_switch_is_shown_until_it_ends() -> None:
    status = samples.well()
    switch = replace(samples.ended(samples.NOW), automatic=True, finished_at=samples.NOW - 600.0)
    made = document(replace(status, switches=(switch,)))
    assert pool_of(made, "linux-x64").cooldown_until == samples.NOW - 600.0 + 3600.0
    assert pool_of(made, "gpu-a100").cooldown_until is None


def test_a_region_serves_the_pools_whose_gates_are_open_in_it() -> None:
    made = document(samples.well())
    assert {region.name: region.serves for region in made.regions} == {
        "us-east": ["linux-x64", "linux-arm64"],
        "us-west": ["linux-arm64"],
        "eu-north": ["gpu-a100"],
    }


def test_a_later_version_with_more_fields_can_be_read() -> None:
    made = document(samples.well())
    assert decode(encode(made).replace(b'{"schema":1', b'{"later":true,"schema":1')) == made
