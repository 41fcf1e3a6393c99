"""Names of languages, by the primary subtag of their tags."""

from typing import Final

_TABLE: Final = """
af Afrikaans|am Amharic|an Aragonese|ar Arabic|as Assamese|az Azerbaijani|ba Bashkir|be Belarusian
bg Bulgarian|bn Bengali|bpy Bishnupriya Manipuri|bs Bosnian|ca Catalan|chr Cherokee|cmn Chinese (Mandarin)
cs Czech|cv Chuvash|cy Welsh|da Danish|de German|el Greek|en English|eo Esperanto|es Spanish|et Estonian
eu Basque|fa Persian|fi Finnish|fil Filipino|fo Faroese|fr French|ga Irish|gd Scottish Gaelic|gl Galician
gn Guarani|grc Ancient Greek|gu Gujarati|hak Chinese (Hakka)|haw Hawaiian|he Hebrew|hi Hindi|hr Croatian
ht Haitian Creole|hu Hungarian|hy Armenian (Eastern)|hyw Armenian (Western)|ia Interlingua|id Indonesian
io Ido|is Icelandic|it Italian|ja Japanese|jbo Lojban|jv Javanese|ka Georgian|kaa Karakalpak|kk Kazakh
kl Greenlandic|km Khmer|kn Kannada|ko Korean|kok Konkani|ku Kurdish|ky Kyrgyz|la Latin|lb Luxembourgish
lfn Lingua Franca Nova|lo Lao|lt Lithuanian|ltg Latgalian|lv Latvian|mi Māori|mk Macedonian|ml Malayalam
mn Mongolian|mr Marathi|ms Malay|mt Maltese|mto Totontepec Mixe|my Burmese|nb Norwegian Bokmål
nci Classical Nahuatl|ne Nepali|nl Dutch|nn Norwegian Nynorsk|nog Nogai|om Oromo|or Odia|pa Punjabi
pap Papiamento|piqd Klingon|pl Polish|ps Pashto|pt Portuguese|py Pyash|qdb Belter Creole|qu Quechua
quc K’iche’|qya Quenya|ro Romanian|ru Russian|sd Sindhi|shn Shan|si Sinhala|sjn Sindarin|sk Slovak
sl Slovenian|smj Lule Sámi|so Somali|sq Albanian|sr Serbian|sv Swedish|sw Swahili|ta Tamil|te Telugu
tg Tajik|th Thai|ti Tigrinya|tk Turkmen|tn Setswana|tr Turkish|tt Tatar|ug Uyghur|uk Ukrainian|ur Urdu
uz Uzbek|vi Vietnamese|yo Yoruba|yue Chinese (Cantonese)|zu Zulu
"""
_ENTRIES: Final = _TABLE.strip().replace("\n", "|").split("|")
LANGUAGE_NAMES: Final = {code: name for code, _, name in (entry.partition(" ") for entry in _ENTRIES)}
# Tags that voices use for a language that has another, more exact one.
_SAME: Final = {"zh": "cmn", "no": "nb", "iw": "he", "in": "id", "tl": "fil", "jw": "jv", "tlh": "piqd"}


def primary_subtag(tag: str) -> str:
    """Return the language of a tag, in lower case: `en` for `en-GB`, `cmn` for `zh-CN`."""
    code = tag.replace("_", "-").partition("-")[0].lower()
    return _SAME.get(code, code)


def language_name(code: str) -> str:
    """Return a language's English name; one without a name here is told by its tag."""
    return LANGUAGE_NAMES.get(code) or f"Language “{code or 'und'}”"
