"""Ideas for prompts, composed of random parts."""

from collections.abc import Sequence


def idea(form: str, parts: Sequence[Sequence[str]], number: int) -> str:
    """Compose the prompt of a number, which the caller draws at random from 0 up."""
    chosen = []
    for words in parts:
        number, index = divmod(number, len(words))
        chosen.append(words[index])
    return form.format(*chosen)
