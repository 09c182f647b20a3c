"""The table of phases is complete and nothing gets stuck in it."""

import pytest

from monitor.decide.phases import TABLE, Event, move
from monitor.model.fleet import Order
from monitor.model.switch import Phase


@pytest.mark.parametrize("order", list(Order))
def test_every_phase_is_reached_and_leads_back_to_stable(order: Order) -> None:
    rows = [row for row in TABLE if row.guard in {None, order}]
    reach = {Phase.STABLE}
    while more := {row.next for row in rows if row.phase in reach} - reach:
        reach |= more
    assert reach == set(Phase)
    back = {Phase.STABLE}
    while more := {row.phase for row in rows if row.next in back} - back:
        back |= more
    assert back == set(Phase)


def test_no_two_rows_contradict_each_other() -> None:
    keys = [(row.phase, row.event, guard) for row in TABLE for guard in ([row.guard] if row.guard else list(Order))]
    assert len(keys) == len(set(keys))


def test_every_event_is_used_and_explained() -> None:
    assert {row.event for row in TABLE} == set(Event)
    assert all(row.why for row in TABLE)


def test_an_unknown_move_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no move from stable on shut"):
        move(Phase.STABLE, Event.SHUT, Order.MAKE_BEFORE_BREAK)
