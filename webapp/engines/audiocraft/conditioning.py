"""Text conditions of a language model: prompts, encoded once each."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from webapp.engines.audiocraft.loading.model_loader import LoadedModel

REMEMBERED_PROMPTS: Final = 64


@dataclass(frozen=True, slots=True)
class PromptEncoding:
    """One prompt (words, width) and its absence (1, width), projected to the language model's width."""

    text: Tensor
    absent: Tensor


class PromptEncoder:
    """Encodes each prompt by itself, so that what stands beside it cannot change it; remembers the last."""

    def __init__(self, model: LoadedModel, remembered: int = REMEMBERED_PROMPTS) -> None:
        self._model = model
        self._remembered = remembered
        self._known: OrderedDict[str, PromptEncoding] = OrderedDict()

    def encode(self, prompt: str) -> PromptEncoding:
        """The meaning of a prompt. Raises torch's own errors."""
        encoding = self._known.pop(prompt, None) or self._encode(prompt)
        self._known[prompt] = encoding
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return encoding

    def _encode(self, prompt: str) -> PromptEncoding:
        from audiocraft.modules.conditioners import ConditioningAttributes  # noqa: PLC0415

        provider = self._model.lm.condition_provider
        pair = [ConditioningAttributes(text={"description": text}) for text in (prompt, None)]
        encoded, _ = provider(provider.tokenize(pair))["description"]
        # AudioCraft writes an absent text as zeros as long as the text beside it. Whoever looks at any
        # number of equal words sees what one of them says.
        return PromptEncoding(encoded[0], encoded[1, :1])
