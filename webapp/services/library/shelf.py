"""Putting new sounds into the library, and the words they are found by."""

from collections.abc import Iterable

from webapp.policy.search import search_words
from webapp.tables import LibraryItem


async def shelve(item: LibraryItem) -> None:
    """Add a new sound, private to its owner; to be called in the transaction that adds the sound itself."""
    item.title_words, item.words = words_of(item.title, item.prompt, ())
    await LibraryItem.insert(item)


def words_of(title: str, prompt: str, tags: Iterable[str]) -> tuple[str, str]:
    """The title's words, and all words, each as one text with spaces between."""
    every = "\n".join((title, prompt, *tags))
    return " ".join(search_words(title)), " ".join(search_words(every))
