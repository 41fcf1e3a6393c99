"""Answers that are put together once."""

import msgspec

from webapp.http.prepared import Prepare


class Body(msgspec.Struct):
    value: int


class State:
    """Something that is told; each object is one state."""

    def __init__(self, value: int) -> None:
        self.value = value


def body_of(state: State) -> Body:
    return Body(state.value)


def test_the_same_state_gives_the_same_answer() -> None:
    prepare = Prepare(body_of)
    state = State(1)
    assert prepare(state) is prepare(state)
    assert prepare(state).to_asgi_response().body == b'{"value":1}'


def test_another_state_gives_another_answer_though_it_looks_the_same() -> None:
    prepare = Prepare(body_of)
    first, second = State(1), State(2)
    prepare(first)
    assert prepare(second).to_asgi_response().body == b'{"value":2}'
    assert prepare(first).to_asgi_response().body == b'{"value":1}'


def test_each_key_has_its_own_up_to_a_number() -> None:
    made = []

    def body(state: State) -> Body:
        made.append(state.value)
        return Body(state.value)

    prepare = Prepare(body, capacity=2)
    states = [State(number) for number in range(3)]
    for state in (states[0], states[1], states[0], states[2], states[0]):
        prepare(state, key=state.value)
    assert made == [0, 1, 2, 0], "the oldest makes room"
