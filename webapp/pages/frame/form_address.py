"""The address of the form on Create, filled with what a sound was asked for."""

from typing import Protocol
from urllib.parse import urlencode

from webapp.policy.generation import SamplingChoice


class _Asked(Protocol):
    """A job or a sound in the library."""

    @property
    def prompt(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def is_loopable(self) -> bool: ...


def form_address(asked: _Asked, seed: int | None = None, sampling: SamplingChoice | None = None) -> str:
    """Build the address; the same seed makes the same sound until something else differs."""
    fields = {"prompt": asked.prompt, "model": asked.model, "duration": f"{asked.duration_s:g}"}
    if asked.is_loopable:
        fields["loopable"] = "on"
    if seed is not None:
        fields["seed"] = str(seed)
    chosen = sampling or SamplingChoice()
    for name in ("temperature", "top_k", "top_p", "guidance"):
        value = getattr(chosen, name)
        if value is not None:
            fields[name] = f"{value:g}"
    return f"/?{urlencode(fields)}"
