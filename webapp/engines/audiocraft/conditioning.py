"""What the prompts of a batch mean to a language model."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from webapp.engines.audiocraft.loading import LoadedModel


@dataclass(frozen=True, slots=True)
class PromptEncoding:
    """One prompt and its absence, each (1, length, width)."""

    text: Tensor
    absent: Tensor


@dataclass(frozen=True, slots=True)
class BatchConditions:
    """A batch's conditions: first every prompt, then every absence, as AudioCraft stacks them.

    `tensors` is what AudioCraft's language model takes; `words` tells padding apart, None without any.
    """

    tensors: dict[str, tuple[Tensor, Tensor]]
    words: Tensor | None


def encode_prompt(model: LoadedModel, prompt: str) -> PromptEncoding:
    """Encode one prompt by itself, so that what stands beside it in a batch cannot change it."""
    from audiocraft.modules.conditioners import ConditioningAttributes  # noqa: PLC0415

    provider = model.lm.condition_provider
    pair = [ConditioningAttributes(text={"description": text}) for text in (prompt, None)]
    encoded, _ = provider(provider.tokenize(pair))["description"]
    return PromptEncoding(encoded[:1], encoded[1:])


def batch_conditions(prompts: Sequence[PromptEncoding]) -> BatchConditions:
    """Stack prompts of different lengths."""
    lengths = [prompt.text.shape[1] for prompt in prompts]
    longest = max(lengths)
    rows = [
        functional.pad(part, (0, 0, 0, longest - part.shape[1]))
        for part in (*(prompt.text for prompt in prompts), *(prompt.absent for prompt in prompts))
    ]
    stacked = torch.cat(rows)
    count = torch.tensor(lengths * 2, device=stacked.device)
    words = torch.arange(longest, device=stacked.device)[None] < count[:, None]
    padded = any(length < longest for length in lengths)
    return BatchConditions({"description": (stacked, words.int())}, words[:, None, None] if padded else None)
