"""What home knows of its machines follows from what they say and when."""

from __future__ import annotations

from typing import Any

from nobgd.cluster.words import Hello
from nobgd.machines.known import LOST_S, TWO, Known, Machines
from nobgd.values.machine import DRAINING, LOST, PROVING, REFUSED, UP

RUN, OTHER_RUN, RECIPE = "a" * 16, "b" * 16, "0a1b2c3d"


def hello(**change: Any) -> Hello:
    values = {"protocol": 1, "run": RUN, "seats": 2, "priority": 5, "ready": [RECIPE], **change}
    return Hello(**values)


def joined() -> tuple[Machines, Known]:
    """One that was let in."""
    machines = Machines()
    one, news = machines.hello("desk-1", hello(), 0.0)
    assert (news, one.state) == ("joined", PROVING)
    assert machines.to_prove(one, {RECIPE}, 0.0) == [RECIPE]
    assert machines.proved("desk-1", RECIPE, None)
    assert one.state == UP
    return machines, one


def test_it_proves_itself_once() -> None:
    """Not again while its answer is awaited, but after a minute, and only what is wanted."""
    machines = Machines()
    one, _ = machines.hello("desk-1", hello(ready=[RECIPE, "ffffffff"]), 0.0)
    assert machines.to_prove(one, {RECIPE}, 0.0) == [RECIPE]
    assert machines.to_prove(one, {RECIPE}, 59.0) == []
    assert machines.to_prove(one, {RECIPE}, 61.0) == [RECIPE]
    assert not machines.proved("desk-2", RECIPE, None)
    assert machines.proved("desk-1", RECIPE, None)
    assert not machines.proved("desk-1", RECIPE, None)
    assert machines.to_prove(one, {RECIPE}, 200.0) == []


def test_one_that_cannot_make_the_mask_is_asked_again_soon() -> None:
    """It is said once, and is over when it can."""
    machines = Machines()
    one, _ = machines.hello("desk-1", hello(), 0.0)
    assert machines.to_prove(one, {RECIPE}, 0.0) == [RECIPE]
    assert machines.failed(one, RECIPE, "no memory", 1.0)
    assert not machines.failed(one, "ffffffff", "no memory", 1.0)
    assert one.state == PROVING
    assert "test picture: no memory; it is asked again" in one.why
    assert machines.to_prove(one, {RECIPE}, 5.0) == []
    assert machines.to_prove(one, {RECIPE}, 7.0) == [RECIPE]
    assert not machines.failed(one, RECIPE, "no memory", 8.0)
    assert machines.to_prove(one, {RECIPE}, 14.0) == [RECIPE]
    assert machines.proved("desk-1", RECIPE, None)
    assert (one.state, one.why) == (UP, "")


def test_it_is_lost_when_it_falls_silent_and_back_when_it_speaks() -> None:
    """With what it has proved, as it is the same run."""
    machines, one = joined()
    assert machines.sweep(LOST_S) == []
    assert machines.sweep(LOST_S + 0.1) == [one]
    assert machines.sweep(LOST_S + 0.2) == []
    assert one.state == LOST
    assert machines.hello("desk-1", hello(), 60.0) == (one, "back")
    assert one.state == UP
    machines.sweep(60.0 + 86_401)
    assert machines.known == {}


def test_another_run_begins_from_the_beginning() -> None:
    """It may have other weights now; and what it was refused for is over."""
    machines, one = joined()
    machines.refuse(one, "it lied")
    assert (one.state, one.why, machines.to_prove(one, {RECIPE}, 9.0)) == (REFUSED, "it lied", [])
    assert machines.hello("desk-1", hello(), 10.0)[0].state == REFUSED
    again, news = machines.hello("desk-1", hello(run=OTHER_RUN), 11.0)
    assert (news, again.state, again.why) == ("", PROVING, "")


def test_two_of_one_name_are_told_and_asked_nothing() -> None:
    """Once, until one of them is silent; the other one proves itself then."""
    machines, _ = joined()
    second, news = machines.hello("desk-1", hello(run=OTHER_RUN), 1.0)
    assert (news, second.state) == ("", PROVING)
    assert machines.hello("desk-1", hello(), 2.0) == (second, "refused")
    assert (second.state, second.why, second.hello.run) == (REFUSED, TWO, OTHER_RUN)
    assert machines.hello("desk-1", hello(run=OTHER_RUN), 3.0) == (second, "")
    assert machines.hello("desk-1", hello(), 4.0) == (second, "")
    assert machines.to_prove(second, {RECIPE}, 4.0) == []
    machines.hello("desk-1", hello(run=OTHER_RUN), 4.0 + LOST_S)
    assert second.state == REFUSED
    machines.hello("desk-1", hello(run=OTHER_RUN), 4.1 + LOST_S)
    assert second.state == PROVING
    assert machines.to_prove(second, {RECIPE}, 4.1 + LOST_S) == [RECIPE]


def test_of_two_of_one_name_the_first_may_stay() -> None:
    """It takes the second's place when that is silent, and a third one is a second again."""
    machines, _ = joined()
    machines.hello("desk-1", hello(run=OTHER_RUN), 1.0)
    machines.hello("desk-1", hello(), 2.0)
    first, _ = machines.hello("desk-1", hello(), 1.1 + LOST_S)
    assert (first.state, first.hello.run) == (PROVING, RUN)
    third, _ = machines.hello("desk-1", hello(run="c" * 16), 9.0)
    assert machines.hello("desk-1", hello(), 10.0) == (third, "refused")


def test_one_that_finishes_or_checks_is_no_second_one() -> None:
    """And what a machine was refused for stays said."""
    machines, _ = joined()
    second, _ = machines.hello("desk-1", hello(run=OTHER_RUN), 1.0)
    assert machines.hello("desk-1", hello(draining=True), 2.0) == (second, "")
    assert second.state == PROVING
    assert machines.hello("desk-1", hello(run="c" * 16, checking=True), 2.0) == (second, "")
    assert (second.state, second.hello.run) == (PROVING, OTHER_RUN)
    machines.refuse(second, "it lied")
    assert machines.hello("desk-1", hello(), 3.0) == (second, "")
    assert second.why == "it lied"
    machines.hello("desk-1", hello(run=OTHER_RUN), 60.0)
    assert second.why == "it lied"


def test_what_it_lacks_is_told() -> None:
    """Refused where it can do nothing; beside its work where it can do something."""
    machines, one = joined()
    one, news = machines.hello("desk-1", hello(ready=[], lacks={RECIPE: "no weights"}), 1.0)
    assert (news, one.state, one.why) == ("refused", REFUSED, "no weights")
    assert machines.hello("desk-1", hello(ready=[], lacks={RECIPE: "no weights"}), 2.0)[1] == ""
    one, _ = machines.hello("desk-2", hello(lacks={"ffffffff": "no u2net"}), 1.0)
    assert (one.state, one.why) == (PROVING, "no u2net")


def test_another_protocol_and_draining() -> None:
    """The one is refused with the way out, the other gets no proof to make."""
    machines = Machines()
    one, news = machines.hello("desk-1", hello(protocol=2), 0.0)
    assert (news, one.state) == ("refused", REFUSED)
    assert "install the same nobgd on both" in one.why
    machines, one = joined()
    machines.hello("desk-1", hello(draining=True), 1.0)
    assert one.state == DRAINING
    assert machines.to_prove(one, {RECIPE}, 99.0) == []
