"""Numbers that are no numbers, noticed without waiting for the device at every step."""

import torch
from torch import Tensor

CHECK_EVERY = 64


class NotFinite(ArithmeticError):
    """A model gave NaN or infinity: its precision does not suffice, or its weights are broken."""


class Health:
    """Watches a decoding's logits."""

    def __init__(self, device: torch.device) -> None:
        self._sick = torch.zeros((), dtype=torch.bool, device=device)
        self._seen = 0

    def look_at(self, logits: Tensor) -> None:
        """Remember whether these are finite; raises NotFinite, some steps late at most."""
        self._sick |= ~torch.isfinite(logits).all()
        self._seen += 1
        if self._seen % CHECK_EVERY == 0:
            self.check()

    def check(self) -> None:
        """Raise NotFinite if anything seen so far was not finite."""
        if bool(self._sick):
            raise NotFinite("the language model gave numbers that are not finite")
