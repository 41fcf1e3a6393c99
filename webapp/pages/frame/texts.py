"""The texts of pages in the language in use.

English is the source and needs no catalogue. Code marks its texts with `_`, `counted`, `N_` or `forms`,
templates with `_()`, `{% trans %}` or `count()`; `make texts` collects them, one catalogue for each domain.
"""

import gettext
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webapp.errors import SettingsError

ENGLISH: Final = "en"


@dataclass(frozen=True, slots=True)
class Language:
    """A language, by its tag as HTML has it, and the translations into it."""

    tag: str = ENGLISH
    translations: gettext.NullTranslations = gettext.NullTranslations()  # noqa: RUF009 - it has no state


class _InUse:
    """The language of this process. All pages of a server are in one language."""

    language = Language()


def read_language(name: str, folder: Path) -> Language:
    """Read the compiled catalogues of a language: `<folder>/<name>/LC_MESSAGES/<domain>.mo`.

    A text that they lack stays English. Raises SettingsError when there are none.
    """
    if name == ENGLISH:
        return Language()
    translations: gettext.NullTranslations = gettext.NullTranslations()
    for path in sorted(folder.glob(f"{name}/LC_MESSAGES/*.mo")):
        with path.open("rb") as compiled:
            of_domain = gettext.GNUTranslations(compiled)
        of_domain.add_fallback(translations)
        translations = of_domain
    if not isinstance(translations, gettext.GNUTranslations):
        known = sorted({ENGLISH, *(path.parents[1].name for path in folder.glob("*/LC_MESSAGES/*.mo"))})
        raise SettingsError(f"SOUNDLOOM_LANGUAGE has a wrong value: {name!r}; there is {', '.join(known)}.")
    return Language(name.replace("_", "-"), translations)


def use(language: Language) -> None:
    """Have all texts from now on in this language."""
    _InUse.language = language


def language_tag() -> str:
    """Return the tag of the language in use, for the `lang` of a page."""
    return _InUse.language.tag


def translated(message: str) -> str:
    """Translate a text as it is, with its placeholders."""
    return _InUse.language.translations.gettext(message)


def translated_plural(singular: str, plural: str, number: int) -> str:
    """Translate the form of a text that goes with a number, as it is, with its placeholders."""
    return _InUse.language.translations.ngettext(singular, plural, number)


def _(message: str, **values: object) -> str:
    """Translate a text, and put the values where `%(name)s` stands in it."""
    text = translated(message)
    return text % values if values else text


def counted(number: int, singular: str, plural: str, **values: object) -> str:
    """Translate a text about a number, which stands where `%(number)s` does: `1,200 jobs`."""
    return translated_plural(singular, plural, number) % {"number": f"{number:,}", **values}


def N_(message: str) -> str:  # noqa: N802 - the name that tools for translation know
    """Mark a constant's text; whoever shows it translates it."""
    return message


def forms(singular: str, plural: str) -> tuple[str, str]:
    """Mark the two forms of a constant's text; `counted` translates the one that goes with a number."""
    return singular, plural


class Texts(Mapping[str, str]):
    """Marked texts by their keys, each translated when it is read."""

    def __init__(self, marked: Mapping[str, str]) -> None:
        self._marked = dict(marked)

    def __getitem__(self, key: str) -> str:
        return translated(self._marked[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._marked)

    def __len__(self) -> int:
        return len(self._marked)
