"""Every template compiles and obeys the Content-Security-Policy: nothing inline, nothing from elsewhere."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader
from jinja2.meta import find_referenced_templates

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
ADDRESSES = {"action", "data", "href", "poster", "src", "srcset", "hx-get", "hx-post", "hx-sse:connect"}
# Links that a person follows may lead elsewhere; what a page loads by itself may not.
FOLLOWED = {("a", "href")}
VAGUE_ANSWERS = {"", "Yes", "No", "OK", "Cancel", "Delete", "Remove", "Stop"}

environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, extensions=["jinja2.ext.i18n"])
NAMES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))


class PolicyReader(HTMLParser):
    """Notes what a page with `script-src 'self'; style-src 'self'` would be refused."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        if tag == "style":
            self.faults.append("<style> in the page")
        if tag == "script" and "src" not in names:
            self.faults.append("<script> without src")
        self.faults += [
            f"{name} on <{tag}>" for name in names if name == "style" or re.match(r"(on|hx-on)", name)
        ]
        self.faults += [
            f"{value} loaded by <{tag}>"
            for name, value in attrs
            if name in ADDRESSES and (tag, name) not in FOLLOWED and re.match(r"(https?:)?//", value or "")
        ]


def faults_in(html: str) -> list[str]:
    reader = PolicyReader()
    # Jinja's own tags go first: inside an attribute they could hold quotes.
    reader.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", html, flags=re.DOTALL))
    reader.close()
    return reader.faults


def source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def referenced(name: str) -> Iterator[str]:
    for other in find_referenced_templates(environment.parse(source(name))):
        if other is not None:
            yield other


def test_there_are_templates() -> None:
    assert "frame/base.html" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_template_compiles_and_what_it_includes_exists(name: str) -> None:
    environment.get_template(name)
    assert [other for other in referenced(name) if other not in NAMES] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_template_obeys_the_content_security_policy(name: str) -> None:
    assert faults_in(source(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_page_has_a_title(name: str) -> None:
    if "frame/base.html" in referenced(name):
        assert re.search(r"\{%-?\s*block title\b", source(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_question_has_answers_that_say_what_happens(name: str) -> None:
    """Both buttons name the action: never "Cancel" beside "Cancel them"."""
    html = source(name)
    questions = html.count("hx-confirm=")
    for answer in ("yes", "no"):
        texts = re.findall(rf'data-confirm-{answer}="([^"]*)"', html)
        assert len(texts) == questions
        said = [words for text in texts for words in re.findall(r"_\('([^']*)'", text) or [text]]
        assert [words for words in said if words in VAGUE_ANSWERS] == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<style>p {}</style>", "<style> in the page"),
        ("<script>go()</script>", "<script> without src"),
        ('<p style="color: red">', "style on <p>"),
        ('<button onclick="go()">', "onclick on <button>"),
        ('<div hx-on:click="go()">', "hx-on:click on <div>"),
        ('<script src="https://elsewhere/x.js"></script>', "https://elsewhere/x.js loaded by <script>"),
        ('<img src="//elsewhere/x.png">', "//elsewhere/x.png loaded by <img>"),
    ],
)
def test_what_the_policy_forbids_is_seen(html: str, fault: str) -> None:
    assert faults_in(html) == [fault]


def test_a_link_to_another_host_is_no_fault() -> None:
    assert faults_in('<a href="https://elsewhere/">there</a>') == []
