"""The parts from which the codec makes sound, and how several are decoded in one batch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from webapp.engines.audiocraft.codec.backends import Body, State


@dataclass(frozen=True, slots=True)
class Part:
    """The input of one piece of a sound.

    `latent` goes through the LSTM from `state`, unless all that is needed is in `kept` already. Of both
    `shape` says, in frames: what is not needed any more, what goes into the tail, and of its sound what
    was given out already and what is new.
    """

    body: Body
    latent: Tensor | None
    state: State | None
    kept: Tensor | None
    begin: int
    until: int
    end: int
    shape: tuple[int, int, int, int]

    @property
    def kind(self) -> tuple[object, ...]:
        """Parts with equal ones can be made together."""
        sizes = [None if each is None else each.shape for each in (self.latent, self.kept)]
        return id(self.body), self.state is None, *sizes, self.shape


@dataclass(frozen=True, slots=True)
class Made:
    """A decoded part: its sound (rows, channels, samples), and the state that the next one needs."""

    sound: Tensor
    kept: Tensor
    state: State | None


def made_together(
    parts: Sequence[Part],
    through_lstm: Callable[[Body, Tensor, State | None], tuple[Tensor, State | None]],
    hop: int,
) -> list[Made]:
    """Decode parts of one kind; `hop` is samples per frame."""
    first, count = parts[0], len(parts)
    dropped, inside, given, new = first.shape
    kept = _joined([part.kept for part in parts])
    states = [part.state for part in parts]
    if first.latent is not None:
        latent = torch.cat([part.latent for part in parts if part.latent is not None])
        hidden, state = through_lstm(first.body, latent, _joined_states(states))
        kept = hidden if kept is None else torch.cat([kept, hidden], dim=-1)
        if state is not None:
            states = list(zip(*(each.chunk(count, dim=1) for each in state), strict=True))
    if kept is None:
        raise ValueError("there is nothing to make sound of")
    kept = kept[..., dropped:]
    sound = first.body.tail(kept[..., :inside])[..., given * hop : (given + new) * hop].float()
    return [Made(*each) for each in zip(sound.chunk(count), kept.chunk(count), states, strict=True)]


def _joined(given: Sequence[Tensor | None]) -> Tensor | None:
    there = [each for each in given if each is not None]
    return torch.cat(there) if there else None


def _joined_states(states: Sequence[State | None]) -> State | None:
    there = [state for state in states if state is not None]
    if not there:
        return None
    hidden, cell = (torch.cat(each, dim=1) for each in zip(*there, strict=True))
    return hidden, cell
