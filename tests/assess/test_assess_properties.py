"""Determinism, bounded memory, purity, and safety over random histories."""

import random
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from assess.values import (
    POLL,
    START,
    Daemon,
    cluster_obs,
    controller,
    counts,
    death,
    denied_obs,
    failing_github,
    failing_obs,
    fleet,
    github_obs,
    group_name,
    listener,
    observer,
    pod,
    pool,
    runner_set,
    scale_set,
    snapshot,
    started,
    states,
    waiting,
)
from hypothesis import given, settings
from hypothesis import strategies as some

from monitor.assess import Memory, assess
from monitor.model.board import Snapshot
from monitor.model.github import GitHubObservation
from monitor.model.kubernetes import ClusterObservation, ExitCause
from monitor.model.signal import Answer, UnknownCause
from monitor.model.verdict import Health

CLUSTERS = ("east", "west", "north")
FAULTS = (
    "fine",
    "conflict",
    "network",
    "gone",
    "credentials",
    "pending",
    "controller",
    "absent",
    "silent",
    "unreachable",
    "denied",
    "unreadable",
    "nothing",
)

Value = TypeVar("Value")


def cluster_with(fault: str, cluster: str, at: float) -> ClusterObservation | None:
    own = listener(scale_set(cluster))
    causes = {
        "conflict": ExitCause.CONFLICT,
        "network": ExitCause.NETWORK,
        "gone": ExitCause.NOT_FOUND,
        "credentials": ExitCause.CREDENTIALS,
    }
    if fault in causes:
        uid = f"{cluster}-{at}"
        dying = pod(own, uid, at - 2.0, exits=(death(causes[fault], at, uid),))
        return cluster_obs(cluster, at, listener_pods=(dying,), listener_starts=(started(own, f"{uid}b", at - 6.0),))
    changes: dict[str, dict[str, Any]] = {
        "fine": {},
        "pending": {"runner_sets": (runner_set(scale_set(cluster), desired=5, pending=5),)},
        "controller": {"controllers": (controller(ready=0),)},
        "absent": {"listener_pods": ()},
        "silent": {"listener_pods": (pod(own, last_log_at=at - 400.0),)},
    }
    if fault in changes:
        return cluster_obs(cluster, at, **changes[fault])
    if fault == "unreachable":
        return failing_obs(cluster, at)
    if fault == "denied":
        return denied_obs(cluster, at)
    return failing_obs(cluster, at, Answer.UNKNOWN, UnknownCause.UNREADABLE) if fault == "unreadable" else None


def github_with(fault: str, at: float, open_clusters: tuple[str, ...] = ("east",)) -> GitHubObservation:
    if fault == "limited":
        return failing_github(at, Answer.UNKNOWN, UnknownCause.RATE_LIMITED)
    if fault == "down":
        return failing_github(at, Answer.UNREACHABLE)
    queue = waiting(at, 3, 400.0) if fault == "queue" else {}
    number = int(at / 30.0) if fault == "busy" else 0
    runners = {group_name(name): counts(name, online=1, busy=(number,)) for name in CLUSTERS}
    return github_obs(at, open_clusters, clusters=CLUSTERS, queue=queue, runners=runners)


def board(at: float, faults: Mapping[str, str], github: str, open_clusters: tuple[str, ...] = ("east",)) -> Snapshot:
    clusters = {name: cluster_with(fault, name, at) for name, fault in faults.items()}
    known = {name: one for name, one in clusters.items() if one is not None}
    return Snapshot(at, observer(), known, {"acme": github_with(github, at, open_clusters)})


def shuffled(mapping: Mapping[str, Value], seed: int) -> dict[str, Value]:
    keys = list(mapping)
    random.Random(seed).shuffle(keys)  # noqa: S311 - an order, not a secret
    return {key: mapping[key] for key in keys}


moments = some.tuples(
    some.fixed_dictionaries({name: some.sampled_from(FAULTS) for name in CLUSTERS}),
    some.sampled_from(("fine", "queue", "busy", "limited", "down")),
    some.integers(1, 12),
)


@settings(max_examples=25, deadline=None)
@given(some.lists(moments, min_size=1, max_size=4), some.integers(0, 1000))
def test_the_order_of_mappings_does_not_matter(story: list[tuple[dict[str, str], str, int]], seed: int) -> None:
    pools = (pool(clusters=CLUSTERS), pool("gpu", clusters=CLUSTERS))
    one = fleet(*pools, clusters=CLUSTERS)
    two = replace(one, clusters=shuffled(one.clusters, seed), pools=shuffled(one.pools, seed))
    desired = states() | states(name="gpu")
    first, second = Memory(), Memory()
    at = START
    for faults, github, polls in story:
        for _ in range(polls):
            at += POLL
            plain = board(at, faults, github)
            mixed = replace(plain, clusters=shuffled(plain.clusters, seed))
            first, a = assess(first, plain, one, desired, at)
            second, b = assess(second, mixed, two, shuffled(desired, seed), at)
            assert a == b
            assert first == second


@settings(max_examples=25, deadline=None)
@given(some.lists(moments, min_size=1, max_size=5))
def test_every_assessment_is_whole_and_explained(story: list[tuple[dict[str, str], str, int]]) -> None:
    daemon = Daemon(fleet(pool(clusters=CLUSTERS), clusters=CLUSTERS), states())
    at = START
    for faults, github, polls in story:
        for _ in range(polls):
            at += POLL
            seen = daemon.walk(board(at, faults, github))
            assert len(seen.verdicts) == 1 + 1 + 3 + 1 + 3
            assert set(seen.gates) == set(seen.readiness) == {f"linux@{name}" for name in CLUSTERS}
            for verdict in seen.verdicts.values():
                for finding in verdict.findings:
                    assert finding.evidence
                    assert finding.sentence.endswith(".")
                    assert finding.hints
                    assert finding.since is not None
                    assert not any(
                        "{" in hint.replace("jsonpath='{", "").replace('-p \'{"spec":{', "") for hint in finding.hints
                    )


@settings(max_examples=25, deadline=None)
@given(
    some.lists(
        some.tuples(
            some.sampled_from(("unreachable", "denied", "unreadable", "nothing", "fine")), some.integers(1, 30)
        ),
        max_size=6,
    )
)
def test_blindness_alone_never_becomes_a_failure(story: list[tuple[str, int]]) -> None:
    daemon = Daemon(fleet(pool(clusters=CLUSTERS), clusters=CLUSTERS), states())
    at = START
    for fault, polls in story:
        for _ in range(polls):
            at += POLL
            faults = {"east": fault, "west": "fine", "north": "fine"}
            seen = daemon.walk(board(at, faults, "fine"))
            assert seen.member("linux@east").health is not Health.FAILED
            assert not any(finding.reaction.switches for finding in seen.findings)


@settings(max_examples=25, deadline=None)
@given(some.lists(some.tuples(some.sampled_from(FAULTS), some.integers(1, 40)), max_size=5))
def test_what_befalls_all_clusters_alike_never_asks_for_a_switch_first(story: list[tuple[str, int]]) -> None:
    daemon = Daemon(fleet(pool(clusters=CLUSTERS), clusters=CLUSTERS), states(*CLUSTERS))
    at = START
    for fault, polls in story:
        for _ in range(polls):
            at += POLL
            seen = daemon.walk(board(at, dict.fromkeys(CLUSTERS, fault), "queue", CLUSTERS))
            for name in CLUSTERS:
                chosen = seen.member(f"linux@{name}").finding
                blind = seen.observer.seen is Health.BLIND
                assert blind or chosen is None or not chosen.reaction.switches


def size(value: object) -> int:
    """How many leaves a memory has, whatever it is made of."""
    if isinstance(value, Mapping):
        return sum(size(key) + size(item) for key, item in value.items())
    if isinstance(value, tuple | frozenset):
        return sum(size(item) for item in value)
    if is_dataclass(value):
        return sum(size(getattr(value, one.name)) for one in fields(value))
    return 1


def test_memory_does_not_grow_over_a_week_of_everything() -> None:
    daemon = Daemon(fleet(pool(clusters=CLUSTERS), clusters=CLUSTERS), states())
    dice = random.Random(7)  # noqa: S311 - a story, not a secret
    at = START
    sizes = []
    for hour in range(7 * 24):
        faults = {name: dice.choice(FAULTS) for name in CLUSTERS}
        github = dice.choice(("fine", "queue", "busy", "limited", "down"))
        for _ in range(30):
            at += POLL
            daemon.walk(board(at, faults, github))
        at += 3600.0 - 30 * POLL
        if hour >= 24:
            sizes.append(size(daemon.memory))
    assert max(sizes[-24:]) <= max(sizes[:24]) * 1.1


def test_members_that_leave_the_configuration_leave_the_memory() -> None:
    daemon = Daemon(fleet(pool(), pool("gpu")), states() | states(name="gpu"))
    boards = [cluster_obs(name, START, "linux", "gpu") for name in ("east", "west")]
    daemon.walk(snapshot(START, *boards))
    daemon.fleet = fleet()
    daemon.walk(snapshot(START + POLL))
    assert "gpu" not in repr(daemon.memory.members) + repr(daemon.memory.tracks)


def test_arguments_are_left_as_they_were() -> None:
    memory, given_board = Memory(), snapshot(START)
    before = repr((memory, given_board))
    assess(memory, given_board, fleet(), states(), START)
    assert repr((memory, given_board)) == before


def test_walks_between_polls_change_nothing_but_the_clock() -> None:
    daemon = Daemon()
    given_board = snapshot(START, cluster_obs("east", START, controllers=(controller(ready=0),)))
    daemon.walk(given_board)
    memory = daemon.memory
    for tick in range(1, 9):
        seen = daemon.walk(given_board, START + tick * 5.0)
        assert seen.cluster("east").readings == 1
        kept = (daemon.memory.clusters, daemon.memory.members, daemon.memory.groups, daemon.memory.sightings)
        assert kept == (memory.clusters, memory.members, memory.groups, memory.sightings)
