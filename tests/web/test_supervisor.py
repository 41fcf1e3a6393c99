"""How long a worker that keeps dying is left alone."""

from itertools import pairwise

from webapp.web.supervisor import FIRST_DELAY_S, LONGEST_DELAY_S, restart_delay_s


def test_the_delay_doubles_up_to_a_limit() -> None:
    delays = [restart_delay_s(deaths) for deaths in range(12)]
    assert delays[0] == FIRST_DELAY_S
    assert all(later == min(2 * earlier, LONGEST_DELAY_S) for earlier, later in pairwise(delays))
    assert delays[-1] == LONGEST_DELAY_S == restart_delay_s(10_000)
