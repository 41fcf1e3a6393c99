"""The ways in which a file is no usable sound, by the names under which the decoder process reports them."""

from typing import Literal, TypeAlias

Refusal: TypeAlias = Literal[
    "unknown", "damaged", "cut_off", "no_audio", "too_short", "too_long", "channels", "sample_rate",
    "not_finite", "too_costly", "lacing", "disk_full",
]  # fmt: skip


class Refused(ValueError):
    """A file that is not taken in; `kind` names what it is or seems to be, where that is known."""

    def __init__(self, refusal: Refusal, kind: str = "", detail: str = "") -> None:
        super().__init__(detail or refusal)
        self.refusal = refusal
        self.kind = kind
