"""What is stored is read back as it was, by this version and by its neighbours."""

import json
import math
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store.values import any_of, intent, request, state

from monitor.model.errors import Permanent
from monitor.model.switch import HistoryEntry, Intent, Pause, PoolState, Proposal, Request, Verb
from monitor.store.codec import decode, encode

STORED = (PoolState, Intent, HistoryEntry, Request, Pause, Proposal)


@pytest.mark.parametrize("kind", STORED)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_value_is_read_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(any_of(kind))
    assert decode(kind, encode(value)) == value


@pytest.mark.parametrize("kind", STORED)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_fields_of_a_newer_version_are_skipped(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(any_of(kind))
    newer = json.loads(encode(value)) | {"a_field_of_tomorrow": {"deep": [1, None]}}
    assert decode(kind, json.dumps(newer)) == value


def test_a_field_that_an_older_version_did_not_write_takes_its_default() -> None:
    older = json.loads(encode(state(reverts=3)))
    del older["reverts"], older["fences"]
    assert decode(PoolState, json.dumps(older)) == state(reverts=0)


def test_any_mapping_can_be_stored() -> None:
    asked = Request("r", Verb.PAUSE, "ann", 1.0, arguments=MappingProxyType({"for": "2h"}))
    assert decode(Request, encode(asked)).arguments == {"for": "2h"}


@pytest.mark.parametrize("at", [math.inf, -math.inf, math.nan])
def test_what_could_not_be_read_back_is_not_stored(at: float) -> None:
    with pytest.raises(Permanent, match="a Pause can't be stored"):
        encode(Pause("linux", "ann", "upgrade", 0.0, at))
    with pytest.raises(Permanent, match="a Request can't be stored"):
        encode(Request("r", Verb.PAUSE, "ann", 1.0, arguments={"for": object()}))  # type: ignore[dict-item]


def test_a_word_of_a_newer_version_is_said_to_be_one() -> None:
    newer = encode(request()).replace("switchover", "teleport")
    with pytest.raises(Permanent, match="the store holds a Request that can't be read"):
        decode(Request, newer)


def test_properties_are_not_stored() -> None:
    assert "finished" not in json.loads(encode(intent()))
