"""The allowed form of a job's id."""

import re
from typing import Final

JOB_ID_RULE: Final = "12 lower-case hex digits"
JOB_ID_PATTERN: Final = "^[0-9a-f]{12}$"
_JOB_ID: Final = re.compile(JOB_ID_PATTERN.strip("^$"))


def is_job_id(text: str) -> bool:
    """Return whether a text has the form of a job id."""
    return _JOB_ID.fullmatch(text) is not None
