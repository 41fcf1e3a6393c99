"""The words of the glossary: retired ones stay out of the names of modules, classes and functions."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
GENERATED = ROOT / "webapp/tables/piccolo_migrations"

RETIRED = frozenset(
    {
        "turn", "turns", "line", "lines", "place", "places", "room", "misses", "throttle", "shelf", "shelves",
        "told", "tell", "tells", "say", "says", "said", "note", "notes", "noted", "look", "looks",
    }
)  # fmt: skip

# Names that use such a word in a sense that is not retired: lines of text and of the log, musical notes,
# moderation notes, and a straight line through measured points.
OTHER_SENSES = frozenset(
    {
        "_first_line", "_line", "_line_of_loss", "_one_line", "_read_lines",
        "add_access_line", "first_line", "is_plain_line", "JsonLines", "LineHandler",
        "LineOutput", "Note", "NoteBody", "NoteRenderer", "parse_note", "require_note",
        "WorkLine",
    }
)  # fmt: skip

# Names that are still to be replaced, and how many definitions have each. Entries may only be removed.
REMAINING: dict[str, int] = {
    "_first_look": 1,
    "_first_place": 1,
    "_give_back_room": 1,
    "_has_room": 1,
    "_is_place": 1,
    "_look": 6,
    "_looks_alike": 1,
    "_looks_back": 1,
    "_make_room": 2,
    "_make_room_for": 1,
    "_misses_counted": 1,
    "_Place": 1,
    "_place": 3,
    "_place_next": 1,
    "_place_of": 1,
    "_read_note": 1,
    "_room": 1,
    "_said": 4,
    "_said_of_music": 1,
    "_said_of_samples": 1,
    "_say": 2,
    "_say_if_new": 1,
    "_say_what_there_is": 1,
    "_take_turn": 1,
    "_tell": 2,
    "_tell_missing": 1,
    "_tell_refused": 1,
    "_Told": 1,
    "_told": 3,
    "_write_note": 1,
    "codec_turn": 1,
    "CodecTurn": 1,
    "has_a_say": 1,
    "has_places": 1,
    "in_line": 1,
    "in_turn": 1,
    "Line": 1,
    "line": 1,
    "lines": 1,
    "look": 6,
    "look_again": 1,
    "losses_told": 1,
    "model_lines": 1,
    "ModelLine": 1,
    "note": 13,
    "note_of": 1,
    "Place": 1,
    "place": 1,
    "place_reasons": 1,
    "Places": 1,
    "places": 1,
    "reason_for_place": 1,
    "say": 1,
    "setting_lines": 1,
    "SettingLine": 1,
    "tell": 4,
    "ThrottleHit": 1,
    "told": 1,
    "TurnCounter": 1,
    "turns": 1,
    "worker_lines": 1,
    "WorkerLine": 1,
}


def words_of(name: str) -> set[str]:
    """Split a name in snake case or camel case into its words."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def names_in(tree: ast.Module) -> Iterator[str]:
    """List the classes and functions that a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def names_of_the_product() -> Iterator[str]:
    for path in sorted((ROOT / "webapp").rglob("*.py")):
        if GENERATED not in path.parents:
            yield path.parent.name if path.stem == "__init__" else path.stem
            yield from names_in(ast.parse(path.read_text(encoding="utf-8")))


def retired_names(names: Iterator[str]) -> Counter[str]:
    """Count the names that contain a retired word in a retired sense."""
    return Counter(name for name in names if words_of(name) & RETIRED and name not in OTHER_SENSES)


def test_no_name_has_a_retired_word() -> None:
    new = retired_names(names_of_the_product()) - Counter(REMAINING)
    assert not new, f"docs/glossary.md has better words for these: {dict(new)}"


def test_the_list_of_what_remains_only_shrinks() -> None:
    replaced = Counter(REMAINING) - retired_names(names_of_the_product())
    assert not replaced, f"these are gone; take them out of REMAINING: {dict(replaced)}"


def test_every_other_sense_is_in_use() -> None:
    assert set(names_of_the_product()) >= OTHER_SENSES


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class NextInLine: ...", {"NextInLine": 1}),
        ("async def _tell(): ...", {"_tell": 1}),
        ("class A:\n    def note(self): ...\nclass B:\n    def note(self): ...", {"note": 2}),
        ("def outline(): ...\nclass Placement: ...\ndef _first_line(): ...", {}),
    ],
)
def test_retired_words_are_found_in_names(source: str, found: dict[str, int]) -> None:
    assert retired_names(names_in(ast.parse(source))) == Counter(found)


def test_every_retired_word_is_in_the_glossary() -> None:
    _, _, table = GLOSSARY.read_text(encoding="utf-8").partition("## Retired words")
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    explained = {word.strip() for row in rows for word in row.split(",")} - {"retired"}
    assert explained <= RETIRED
    assert {word.removesuffix("s") for word in RETIRED} <= {word.removesuffix("s") for word in explained} | {
        "noted", "shelve",
    }  # fmt: skip


def test_every_word_is_explained_once() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\*", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    each = [word.strip() for entry in words for word in entry.split(",")]
    assert len(each) > 60
    assert [word for word, count in Counter(each).items() if count > 1] == []
