"""Tells from the name of a voice's licence whether speech may be used commercially."""

import re
from typing import Final

_FORBIDS: Final = re.compile(
    r"\bnc\b|non[- ]?commercial|no commercial"
    r"|(?:research|personal|academic)\b.{0,20}\b(?:only|use|purposes)\b",
    re.IGNORECASE,
)
_ALLOWS: Final = re.compile(
    r"\bcc[- ]?0\b|\bcc[- ]by(?:[- ]sa)?\b(?![- ]n)|creative commons (?:zero|attribution)(?![- ]no)"
    r"|creativecommons\.org/(?:licenses/by(?:-sa)?/|publicdomain/)|public[- ]domain"
    r"|\bmit\b|\bapache\b|\bbsd\b|\bunlicense\b|\bl?gpl|\bmpl\b",
    re.IGNORECASE,
)
_TUNED: Final = re.compile(r"\bfine[- ]?tuned (?:from|on)\b", re.IGNORECASE)


def allows_commercial_use(license_name: str, card: str = "") -> bool | None:
    """Return whether a licence allows commercial use of what a voice speaks; None where that is unclear.

    It is unclear for a voice that its card calls fine-tuned: the card names the licence of its own
    recordings, and not that of the voice it was made from.
    """
    if _FORBIDS.search(license_name):
        return False
    return True if _ALLOWS.search(license_name) and not _TUNED.search(card) else None
