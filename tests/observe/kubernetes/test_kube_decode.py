"""API server's JSON into values: what is read, what is forgiven, and that an odd object costs only itself."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observe.kubernetes import objects
from observe.kubernetes.objects import CREATED_AT, listing

from monitor.model.kubernetes import ContainerState, ExitCause, ListenerStart
from monitor.observe.kubernetes import decode

NOW = CREATED_AT + 100.0
DECODERS: dict[str, decode.Decoder[Any]] = {
    "scale sets": decode.SCALE_SETS,
    "listeners": decode.LISTENERS,
    "runner sets": decode.RUNNER_SETS,
    "controllers": decode.CONTROLLERS,
    "pods": decode.PODS,
    "starts": decode.STARTS,
}


def one(decoder: decode.Decoder[Any], source: Any) -> Any:
    page = decoder.page(listing("TheList", source), NOW)
    assert page.odd == ()
    return page.items[0]


def test_a_scale_set_is_read() -> None:
    value = one(decode.SCALE_SETS, objects.scale_set())
    assert (value.name, value.namespace, value.created_at) == ("dev", "arc-runners", CREATED_AT)
    assert (value.scale_set_id, value.scale_set_name) == (12, "dev")
    assert (value.runner_group, value.registered_group) == ("blue", "Blue")
    assert (value.phase, value.version, value.min_runners, value.max_runners) == ("Running", "0.14.2", 1, 5)
    assert not value.deleting


@pytest.mark.parametrize("number", [None, "", "0", "-1", "twelve", "1.5", "\uff19", "9" * 30])
def test_what_is_no_positive_number_is_no_scale_set_id(number: str | None) -> None:
    assert one(decode.SCALE_SETS, objects.scale_set(number=number)).scale_set_id is None


def test_the_old_status_field_and_a_name_of_its_own_are_known() -> None:
    source = objects.scale_set(runnerScaleSetName="big", maxRunners=None, minRunners=None)
    source["status"] = {"state": "Running"}
    value = one(decode.SCALE_SETS, source)
    assert (value.scale_set_name, value.phase, value.min_runners, value.max_runners) == ("big", "Running", 0, None)


def test_a_listener_is_read() -> None:
    value = one(decode.LISTENERS, objects.listener())
    assert (value.scale_set_id, value.scale_set_name, value.scale_set_namespace) == (12, "dev", "arc-runners")
    assert (value.runner_set, value.min_runners, value.max_runners) == ("dev-x7k2p", 1, 5)


def test_a_runner_set_is_read() -> None:
    value = one(decode.RUNNER_SETS, objects.runner_set())
    assert (value.scale_set, value.desired, value.current) == ("dev", 3, 3)
    assert (value.pending, value.running, value.failed) == (1, 2, 0)


def test_a_runner_set_without_labels_names_its_owner() -> None:
    source = objects.runner_set()
    source["metadata"]["labels"] = None
    source["metadata"]["ownerReferences"] = [{"kind": "AutoscalingRunnerSet", "name": "dev"}]
    assert one(decode.RUNNER_SETS, source).scale_set == "dev"


@pytest.mark.parametrize(("replicas", "wanted"), [(0, 0), (2, 2), (None, 1)])
def test_a_controller_is_read(replicas: int | None, wanted: int) -> None:
    source = objects.controller()
    source["spec"]["replicas"] = replicas
    value = one(decode.CONTROLLERS, source)
    assert (value.version, value.wanted, value.ready) == ("0.14.2", wanted, 1)


def test_a_running_pod_is_read() -> None:
    value = one(decode.PODS, objects.pod())
    assert (value.uid, value.listener, value.scale_set_name) == ("uid-1", "dev-754b578d-listener", "dev")
    assert (value.state, value.running_since, value.exits) == (ContainerState.RUNNING, CREATED_AT, ())


def test_a_dead_pod_tells_its_exit() -> None:
    message = "2026/01/05 07:37:55 Application returned an error: x RunnerScaleSetSessionConflictException"
    value = one(decode.PODS, objects.pod(state=objects.terminated(message=message), phase="Failed"))
    (death,) = value.exits
    assert value.state is ContainerState.TERMINATED
    assert (death.pod_uid, death.at, death.cause, death.exit_code) == ("uid-1", CREATED_AT, ExitCause.CONFLICT, 1)


def test_a_restart_in_place_is_an_exit_too() -> None:
    source = objects.pod(
        state={"waiting": {"reason": "CrashLoopBackOff"}}, last=objects.terminated(137, "OOMKilled"), restarts=4
    )
    value = one(decode.PODS, source)
    assert (value.state, value.waiting_reason, value.restart_count) == (ContainerState.WAITING, "CrashLoopBackOff", 4)
    assert [each.cause for each in value.exits] == [ExitCause.OUT_OF_MEMORY]


def test_a_death_without_a_time_is_dated_now() -> None:
    source = objects.pod(state={"terminated": {"exitCode": 137, "finishedAt": None}})
    assert one(decode.PODS, source).exits[0].at == NOW


def test_an_unscheduled_pod_says_why() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes\n fit"}
    value = one(decode.PODS, {**objects.pod(), "status": {"phase": "Pending", "conditions": [condition]}})
    assert (value.state, value.unschedulable) == (ContainerState.NONE, "0/3 nodes fit")


def test_an_evicted_pod_without_containers_keeps_its_reason() -> None:
    value = one(decode.PODS, {**objects.pod(), "status": {"phase": "Failed", "reason": "Evicted"}})
    assert (value.phase, value.reason, value.state) == ("Failed", "Evicted", ContainerState.NONE)


STARTS = {
    "one": (objects.started(), (0.0,)),
    "restarted in place": (objects.started(lastTimestamp="2026-01-05T07:31:00Z", count=4), (0.0, 60.0)),
    "new-style event": (
        objects.started(firstTimestamp=None, lastTimestamp=None, eventTime="2026-01-05T07:30:01.5Z"),
        (1.5,),
    ),
    "another reason": (objects.started(reason="Pulled"), ()),
}


@pytest.mark.parametrize(("source", "offsets"), STARTS.values(), ids=STARTS)
def test_events_become_starts(source: objects.Json, offsets: tuple[float, ...]) -> None:
    starts = one(decode.STARTS, source)
    assert starts == tuple(ListenerStart("dev-754b578d-listener", "uid-1", CREATED_AT + each) for each in offsets)


@pytest.mark.parametrize("container", ["spec.containers{proxy}", "spec.initContainers{setup}"])
def test_other_containers_of_the_pod_do_not_count(container: str) -> None:
    source = objects.started()
    source["involvedObject"]["fieldPath"] = container
    assert one(decode.STARTS, source) == ()


ODD_BUT_READABLE: dict[str, dict[str, Any]] = {
    "text for a number": {"restartCount": "3"},
    "no image id, null ports": {"imageID": None, "ports": None, "ready": "maybe"},
    "unknown fields": {"surprise": {"deep": [1, {"x": None}]}},
    "null states": {"state": None, "lastState": None},
}


@pytest.mark.parametrize("change", ODD_BUT_READABLE.values(), ids=ODD_BUT_READABLE)
def test_oddities_that_do_not_matter_are_forgiven(change: dict[str, Any]) -> None:
    source = objects.pod(restarts=3)
    source["status"]["containerStatuses"][0].update(change)
    source["spec"] = {"containers": None}
    assert one(decode.PODS, source).restart_count == 3


ODD: dict[str, Any] = {
    "a number": 7,
    "null": None,
    "a list": [],
    "nothing in it": {},
    "metadata null": {"metadata": None},
    "no time": {"metadata": {"name": "odd", "uid": "u"}},
    "a wrong time": {"metadata": {"name": "odd", "uid": "u", "creationTimestamp": "yesterday"}},
    "labels of another shape": {"metadata": {"name": "odd", "uid": "u", "labels": ["x"]}},
}


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_an_odd_object_costs_only_itself(odd: Any, decoder: decode.Decoder[Any]) -> None:
    good = {
        "metadata": objects.metadata("good"),
        "involvedObject": {"kind": "Pod", "name": "good", "uid": "u"},
        "reason": "Started",
        "lastTimestamp": objects.CREATED,
    }
    page = decoder.page(listing("TheList", good, odd, good), NOW)
    assert len(page.items) == 2
    assert len(page.odd) == 1


def test_the_odd_object_is_named() -> None:
    odd = objects.pod()
    odd["status"]["containerStatuses"] = "none"
    (told,) = decode.PODS.page(listing("PodList", odd), NOW).odd
    assert told.startswith("arc-systems/dev-754b578d-listener: Expected `array | null`")


NO_LISTS = {
    "empty": b"",
    "HTML": b"<html><body>Sign in</body></html>",
    "cut short": listing("PodList", objects.pod())[:-20],
    "no JSON": b"404 page not found",
    "of another kind": b'{"kind":"Status","message":"no"}',
    "nothing said": b"{}",
    "a bare array": b"[]",
    "no UTF-8": b'{"kind":"\xff\xfeList","items":[]}',
    "too deep": b'{"kind":"PodList","items":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("body", NO_LISTS.values(), ids=NO_LISTS)
def test_what_is_no_list_is_not_an_empty_one(body: bytes) -> None:
    with pytest.raises(decode.Unreadable):
        decode.PODS.page(body, NOW)


@pytest.mark.parametrize("body", [b'{"kind":"PodList","items":null}', b'{"kind":"PodList","metadata":{},"items":[]}'])
def test_an_empty_list_is_empty(body: bytes) -> None:
    assert decode.PODS.page(body, NOW) == decode.Page(())


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def bent(draw: st.DrawFn, source: objects.Json) -> Any:
    """The object with something replaced by anything, somewhere in it."""
    copy = json.loads(json.dumps(source))
    node: Any = copy
    while True:
        key = draw(st.sampled_from(sorted(node)) if isinstance(node, dict) else st.integers(0, len(node) - 1))
        inner = node[key]
        if not inner or not isinstance(inner, dict | list) or draw(st.booleans()):
            node[key] = draw(anything)
            return copy
        node = inner


SAMPLES = [
    (decode.SCALE_SETS, objects.scale_set()),
    (decode.LISTENERS, objects.listener()),
    (decode.RUNNER_SETS, objects.runner_set()),
    (decode.CONTROLLERS, objects.controller()),
    (decode.PODS, objects.pod(last=objects.terminated())),
    (decode.STARTS, objects.started()),
]


@given(st.data(), st.sampled_from(SAMPLES))
def test_any_bent_object_is_read_or_named(
    data: st.DataObject, sample: tuple[decode.Decoder[Any], objects.Json]
) -> None:
    decoder, good = sample
    page = decoder.page(listing("TheList", good, data.draw(bent(good)), good), NOW)
    assert len(page.items) + len(page.odd) == 3
    assert len(page.items) >= 2
    assert all(each.isprintable() for each in page.odd)


@given(st.binary(max_size=200), st.sampled_from(list(DECODERS.values())))
def test_any_bytes_are_a_list_or_refused(body: bytes, decoder: decode.Decoder[Any]) -> None:
    with contextlib.suppress(decode.Unreadable):
        assert decoder.page(body, NOW).items == ()
        assert b"List" in body


@given(anything)
def test_any_refusal_is_read(body: Any) -> None:
    assert isinstance(decode.refusal(json.dumps(body).encode()).message, str)
