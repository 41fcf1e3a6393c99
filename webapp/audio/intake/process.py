"""The decoder process: takes one file in, within limits on memory, time and what it may write.

Called with the source, the target, and the shortest and longest durations in seconds. Its answer is a line of
JSON on standard output: facts, or a refusal. A limit that is exceeded ends it, as does the end of its parent.
"""

import json
import resource
import sys
import traceback
from pathlib import Path
from typing import Final

MEMORY_BYTES: Final = 1 << 30
CPU_S: Final = 60
WRITTEN_BYTES: Final = 512_000_000


def limit() -> None:
    """Limit this process before it reads or imports anything that others wrote."""
    for which, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, WRITTEN_BYTES),
    ):
        resource.setrlimit(which, (most, most))
    # macOS knows this limit and takes no value for it.
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main(source: str, target: str, shortest_s: str, longest_s: str) -> None:
    """Take a file in and print the answer."""
    from webapp.audio.intake.decoding import take_in  # noqa: PLC0415 - within the limits
    from webapp.audio.intake.refusals import Refused  # noqa: PLC0415

    try:
        facts = take_in(Path(source), Path(target), shortest_s=float(shortest_s), longest_s=float(longest_s))
    except Refused as refused:
        answer: dict[str, object] = {
            "refusal": refused.refusal, "kind": refused.kind, "detail": str(refused),
        }  # fmt: skip
    except Exception:  # noqa: BLE001 - native libraries raise what they like
        # For the server's log: the file is at fault, but nobody knew in which way.
        traceback.print_exc()
        answer = {"refusal": "damaged", "kind": "", "detail": ""}
    else:
        answer = {
            "kind": facts.kind, "duration_s": facts.duration_s, "sample_rate": facts.sample_rate,
            "channels": facts.channels,
        }  # fmt: skip
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    limit()
    main(*sys.argv[1:])
