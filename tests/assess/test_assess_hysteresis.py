"""Asymmetric hysteresis, as a table and as properties."""

from hypothesis import given
from hypothesis import strategies as some

from monitor.assess.hysteresis import Limits, step
from monitor.model.verdict import Health, Track

LIMITS = Limits(confirm_after=120.0, confirm_readings=4, clear_after=300.0, clear_readings=10, patience=45.0)
T0 = 1000.0
FINE, WEAK, SICK, BLIND = Health.HEALTHY, Health.DEGRADED, Health.FAILED, Health.BLIND


def run(*readings: tuple[Health | None, int], every: float = 15.0, track: Track | None = None) -> Track:
    """So many readings of each health, one after the other."""
    at = track.observed_at if track else T0
    for seen, times in readings:
        for _ in range(times):
            at += every
            track = step(track, seen, at, at, LIMITS)
    assert track is not None
    return track


def test_the_first_reading_counts_and_a_failure_has_to_last() -> None:
    assert run((FINE, 1)).held is FINE
    assert run((WEAK, 1)).held is WEAK
    assert run((BLIND, 1)).held is BLIND
    assert run((None, 3)).held is BLIND
    assert run((SICK, 1)).held is WEAK


def test_failed_needs_time_and_readings() -> None:
    assert run((FINE, 1), (SICK, 8)).held is FINE
    assert run((FINE, 1), (SICK, 9)).held is SICK
    assert run((FINE, 1), (SICK, 3), every=45.0).held is FINE
    assert run((FINE, 1), (SICK, 4), every=45.0).held is SICK


def test_degraded_and_blind_take_effect_at_once() -> None:
    assert run((FINE, 5), (WEAK, 1)).held is WEAK
    assert run((FINE, 5), (BLIND, 1)).held is BLIND
    assert run((FINE, 5), (BLIND, 9), (FINE, 1)).held is FINE


def test_degraded_clears_slowly() -> None:
    assert run((WEAK, 1), (FINE, 20)).held is WEAK
    assert run((WEAK, 1), (FINE, 21)).held is FINE


def test_failed_clears_slowly_and_not_by_blindness() -> None:
    assert run((SICK, 10), (FINE, 20)).held is SICK
    assert run((SICK, 10), (FINE, 21)).held is FINE
    assert run((SICK, 10), (BLIND, 500)).held is SICK
    assert run((SICK, 10), (None, 500)).held is SICK


def test_a_recovery_may_be_partial_and_a_relapse_begins_it_anew() -> None:
    assert run((SICK, 10), (FINE, 10), (WEAK, 11)).held is WEAK
    assert run((SICK, 10), (FINE, 20), (SICK, 1), (FINE, 20)).held is SICK


def test_unknown_between_readings_neither_counts_nor_breaks() -> None:
    track = run((FINE, 1), (SICK, 4))
    gap = step(track, None, track.observed_at + 15.0, track.observed_at + 15.0, LIMITS)
    assert gap == track


def test_a_pause_longer_than_patience_begins_a_new_run() -> None:
    track = run((FINE, 1), (SICK, 8))
    later = track.observed_at + 46.0
    assert step(track, SICK, later, later, LIMITS).readings == 1


def test_one_observation_is_counted_once() -> None:
    track = run((FINE, 1), (SICK, 1))
    for tick in range(100):
        track = step(track, SICK, track.observed_at, track.observed_at + tick, LIMITS)
    assert (track.readings, track.held) == (1, FINE)


def test_another_judgement_of_the_same_observation_begins_a_run() -> None:
    track = run((FINE, 5))
    now = track.observed_at + 5.0
    again = step(track, SICK, track.observed_at, now, LIMITS)
    assert (again.seen, again.seen_since, again.readings) == (SICK, now, 1)


readings = some.lists(some.sampled_from([FINE, WEAK, SICK, BLIND, None]), max_size=60)


@given(readings)
def test_failed_is_only_entered_after_an_unbroken_run(history: list[Health | None]) -> None:
    track: Track | None = None
    at = T0
    for index, seen in enumerate(history):
        at += 15.0
        before = track.held if track else BLIND
        track = step(track, seen, at, at, LIMITS)
        if track.held is SICK and before is not SICK:
            run_ = [one for one in history[: index + 1] if one is not None][-4:]
            assert run_ == [SICK] * 4


@given(readings)
def test_failed_is_only_left_after_an_unbroken_recovery(history: list[Health | None]) -> None:
    track = run((SICK, 10))
    at = track.observed_at
    for index, seen in enumerate(history):
        at += 15.0
        before = track.held
        track = step(track, seen, at, at, LIMITS)
        if before is SICK and track.held is not SICK:
            known = [one for one in history[: index + 1] if one is not None]
            assert len(known) >= 10
            assert all(one in {FINE, WEAK} for one in known[-10:])


@given(readings)
def test_held_since_moves_exactly_when_held_does(history: list[Health | None]) -> None:
    track = run((FINE, 1))
    at = track.observed_at
    for seen in history:
        at += 15.0
        after = step(track, seen, at, at, LIMITS)
        assert (after.held is track.held) == (after.held_since == track.held_since)
        track = after
