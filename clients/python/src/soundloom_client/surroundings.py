"""The surroundings of the client, as values that tests can set."""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass


def _new_key() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Chance, time and keys."""

    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    new_key: Callable[[], str] = _new_key
