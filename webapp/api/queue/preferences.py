"""The `Prefer` header (RFC 7240): how long a client would wait for the job itself."""

import re
from collections.abc import Sequence
from typing import Final

# Proxies give up on a silent answer after 50 or 60 seconds.
MAX_WAIT_S: Final = 45

_LONGEST: Final = 1_000

_WAIT: Final = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?', re.IGNORECASE)


def preferred_wait_s(values: Sequence[str]) -> int | None:
    """The seconds that `Prefer: wait=N` is granted, at most 45; None where it asks for none.

    `values` are the values of the Prefer headers. The first mention counts; other preferences, and
    one that cannot be read, are ignored, as they may be.
    """
    for value in values:
        for preference in value[:_LONGEST].split(","):
            match = _WAIT.fullmatch(preference.partition(";")[0].strip())
            if match is not None:
                return min(int(match[1]), MAX_WAIT_S) or None
    return None
