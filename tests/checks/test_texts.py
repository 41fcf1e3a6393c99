"""Every text of the pages is marked, and stands in its domain's catalogue."""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TypeGuard

import pytest

from tools.collect_texts import KEYWORDS, differing
from webapp.pages.frame.record_words import KINDS

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static/js").rglob("*.js"))
PAGES = sorted((ROOT / "webapp/pages").rglob("*.py"))
# Attributes that people read or hear.
SPOKEN = {
    "alt", "aria-label", "content", "data-by", "data-confirm-no", "data-confirm-yes", "data-copied",
    "data-copied-then", "data-label", "data-many", "data-one", "data-setting", "hx-confirm", "placeholder",
    "title",
}  # fmt: skip
# Names and units that are the same in every language, and what browsers read.
SAME_EVERYWHERE = {
    "Soundloom", "API", "Hz", "LUFS", "dBTP", "width=device-width, initial-scale=1", "light dark", "noindex",
}  # fmt: skip
METAS = re.compile(r"og:type|twitter:card|htmx-config|theme-color|og:image|og:audio|og:url|charset")
# Examples of prompts, which engines understand in English; names of languages, programs and headers; code.
NOT_FOR_READERS = {
    "api_docs/description.py", "api_docs/page.py", "api_docs/samples.py", "api_docs/schemas.py",
    "frame/texts.py", "queue/generate_contexts.py", "speech/languages.py",
}  # fmt: skip
# Headers, types, browsers and their marks, commands, and what services say.
NAMES = {
    "Android", "AudioCraft", "Cache-Control", "Changed", "Chrome", "Chrome/", "ChromeOS",
    "Content-Disposition", "CrOS", "CriOS/", "Cookie, HX-Request", "Edg/", "Edge",
    "ExceptionHandlersMap", "Firefox", "Firefox/", "Fragment", "Hibari", "Kokoro",
    "Layout", "LibraryModel | None", "Linux", "Location", "Mac OS", "Not found", "Opera", "Piper", "Safari",
    "Safari/", "Settings", "Sort | None", "Vary", "View", "Windows",
    "soundloom voices pull en_US-ljspeech-medium",
    *(action for actions in KINDS.values() for action in actions),
}  # fmt: skip


class TextReader(HTMLParser):
    """Notes texts that stand in a page as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.unmarked: list[str] = []

    def note(self, text: str) -> None:
        words = " ".join(text.split()).strip(" ·.,:;()–/×%“”…")
        # What is left of tags that Jinja puts together holds attributes.
        if re.search("[A-Za-z]{2,}", words) and '="' not in words and words not in SAME_EVERYWHERE:
            self.unmarked.append(words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "meta" and METAS.search(given.get("property", "") + given.get("name", "")):
            return
        for name, value in given.items():
            if name in SPOKEN:
                self.note(value)

    def handle_data(self, data: str) -> None:
        self.note(data)


def unmarked_in(template: str) -> list[str]:
    reader = TextReader()
    text = re.sub(r"\{%-? *trans\b.*?%\}.*?\{%-? *endtrans *-?%\}", "", template, flags=re.DOTALL)
    reader.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", text, flags=re.DOTALL))
    reader.close()
    return reader.unmarked


def literals_in(template: str) -> list[str]:
    """Find sentences and names in Jinja's own expressions that are not marked."""
    found = []
    for code in re.findall(
        r"\{[{%](.*?)[%}]\}", re.sub(r"\{#.*?#\}", "", template, flags=re.DOTALL), re.DOTALL
    ):
        if re.match(r"-?\s*(from|include|extends|block|import)\b", code):
            continue
        plain = re.sub(r"(?<![\w.])(_|count)\((?:[^()\"']|\"[^\"]*\"|'[^']*'|\([^()]*\))*\)", "", code)
        for double, single in re.findall(r"\"([^\"]*)\"|'([^']*)'", plain):
            text = double or single
            if re.match(r"[A-Z][a-z]", text) or re.search(r"[a-z]{2,} [a-z]{2,}", text):
                found.append(text)
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_has_no_unmarked_text(path: Path) -> None:
    assert unmarked_in(path.read_text(encoding="utf-8")) == []


# A comparison with what a service says, and classes of elements.
LITERALS = {"Not found", "small danger", "button small"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_an_expression_has_no_unmarked_text(path: Path) -> None:
    assert [text for text in literals_in(path.read_text(encoding="utf-8")) if text not in LITERALS] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_script_says_nothing_of_its_own(path: Path) -> None:
    """What scripts say comes from `templates/frame/_script_words.html`."""
    code = re.sub(r"(?m)^\s*//.*$", "", path.read_text(encoding="utf-8"))
    said = re.findall(r"[\"`]([A-Z][a-z]+(?: [^\"`]*)?)[\"`]", code)
    names = {"Enter", "Escape", "Home", "End", "Notification", "BroadcastChannel", "Soundloom"}
    assert [text for text in said if text not in names and not text.startswith("Arrow")] == []


def is_marking(node: ast.AST) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS


def marked(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what stands in calls that mark texts, docstrings, and the keys of mappings."""
    for node in ast.walk(tree):
        if is_marking(node):
            for argument in node.args:
                yield from ast.walk(argument)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Dict):
            # Keys are for code.
            yield from (key for key in node.keys if key)


def texts_in(source: str) -> list[str]:
    tree = ast.parse(source)
    known = {id(node) for node in marked(tree)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(tree):
        if id(node) in known or id(node) in parts:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        is_markup = text.startswith("<")
        if not is_markup and (re.match(r"[A-Z][a-z]", text) or re.search(r"[a-z]{2,} [a-z]{2,}", text)):
            found.append(text)
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_of_pages_has_no_unmarked_text(path: Path) -> None:
    name = path.relative_to(ROOT / "webapp/pages").as_posix()
    texts = [] if name in NOT_FOR_READERS else texts_in(path.read_text(encoding="utf-8"))
    assert [text for text in texts if text not in NAMES] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_text_is_marked_inside_an_f_string(path: Path) -> None:
    """The collector cannot look into those."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    strings = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    hidden = [node.lineno for string in strings for node in ast.walk(string) if is_marking(node)]
    assert hidden == []


def test_the_catalogues_are_up_to_date() -> None:
    """`make texts` brings them up to date."""
    assert differing() == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello {{ name }}</p>", ["Hello"]),
        ('<p title="Read me">{{ _("Hello") }}</p>', ["Read me"]),
        ("<p>{% trans %}Hello <b>you</b>{% endtrans %}</p>", []),
        ("<a aria-label=\"{{ _('Go') }}\">API</a>", []),
    ],
)
def test_an_unmarked_text_is_found(template: str, found: list[str]) -> None:
    assert unmarked_in(template) == found


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ('{{ "Go on" if x else _("Stop") }}', ["Go on"]),
        ('{{ count(n, "%(number)s job", "%(number)s jobs") }}{{ nav("/", _("Home"), a == "b") }}', []),
    ],
)
def test_an_unmarked_literal_is_found(template: str, found: list[str]) -> None:
    assert literals_in(template) == found


def test_an_unmarked_text_in_code_is_found() -> None:
    assert texts_in('toast("Saved it")\ntoast(_("Saved"))\nx = f"Not {y}"') == ["Not ", "Saved it"]
