"""Prompts for whoever has none in mind: put together from parts, different each time."""

from collections.abc import Sequence


def idea(form: str, parts: Sequence[Sequence[str]], number: int) -> str:
    """Put together the prompt that belongs to a number, drawn at random from 0 up by the caller."""
    chosen = []
    for words in parts:
        number, index = divmod(number, len(words))
        chosen.append(words[index])
    return form.format(*chosen)
