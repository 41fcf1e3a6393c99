"""Encodes prompts as text conditions of a language model, and caches them."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from webapp.engines.audiocraft.loading.model_loader import LoadedModel

CACHED_PROMPTS: Final = 64


@dataclass(frozen=True, slots=True)
class PromptEncoding:
    """A prompt (words, width) and the condition without text (1, width), in the language model's width."""

    text: Tensor
    unconditional: Tensor


class PromptEncoder:
    """Encodes each prompt alone, so that its batch cannot change it, and caches the most recent ones."""

    def __init__(self, model: LoadedModel, capacity: int = CACHED_PROMPTS) -> None:
        self._model = model
        self._capacity = capacity
        self._cache: OrderedDict[str, PromptEncoding] = OrderedDict()

    def encode(self, prompt: str) -> PromptEncoding:
        """Return the encoding of a prompt. Raises torch's own errors."""
        encoding = self._cache.pop(prompt, None) or self._encode(prompt)
        self._cache[prompt] = encoding
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)
        return encoding

    def _encode(self, prompt: str) -> PromptEncoding:
        from audiocraft.modules.conditioners import ConditioningAttributes  # noqa: PLC0415

        provider = self._model.lm.condition_provider
        pair = [ConditioningAttributes(text={"description": text}) for text in (prompt, None)]
        encoded, _ = provider(provider.tokenize(pair))["description"]
        # AudioCraft encodes no text as zeros, as many as the other text has words. Attending to any number of
        # equal words gives the same as attending to one.
        return PromptEncoding(encoded[0], encoded[1, :1])
