"""The words of the glossary: retired ones stay out of names."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
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

# Retired in every identifier of the AudioCraft engine, beside the words above.
ENGINE = ROOT / "webapp/engines/audiocraft"
RETIRED_IN_THE_ENGINE = frozenset(
    {
        "server", "serving", "job", "jobs", "lane", "lanes", "board", "past", "pasts", "drawer", "drawers",
        "chance", "piece", "pieces", "choice", "choices", "hand", "given", "sick", "reach", "workshop",
        "quick", "quicker", "quickest", "settle", "settled",
    }
)  # fmt: skip

# SIMD lanes, lines of text, places in prompts, AudioCraft's own names, the interface of engines,
# and the choice of a precision.
OTHER_SENSES_IN_THE_ENGINE = frozenset(
    {
        "lane", "lanes", "codec_lanes", "line", "lines", "first_line", "_PLACES", "past_context",
        "precision_note", "choice", "PrecisionChoice",
    }
)  # fmt: skip

# Names that use such a word in a sense that is not retired: lines of text and of the log, musical notes,
# moderation notes, and a straight line through measured points.
OTHER_SENSES = frozenset(
    {
        "_first_line", "_line", "_line_of_loss", "_one_line", "_read_lines",
        "add_access_line", "first_line", "is_plain_line", "JsonLines", "LineHandler",
        "LineOutput", "HeardNote", "MotifNote", "notes", "notes_of",
        "Note", "NoteBody", "NoteRenderer", "parse_note", "require_note",
    }
)  # fmt: skip

# Names that are still to be replaced, and how many definitions have each. Entries may only be removed.
REMAINING: dict[str, int] = {
    "_first_look": 1,
    "_has_room": 1,
    "_is_place": 1,
    "_look": 2,
    "_looks_alike": 1,
    "_looks_back": 1,
    "_make_room": 1,
    "_misses_counted": 1,
    "_place": 1,
    "_room": 1,
    "_said": 2,
    "_said_of_music": 1,
    "_said_of_samples": 1,
    "_say": 2,
    "_say_if_new": 1,
    "_say_what_there_is": 1,
    "_take_turn": 1,
    "_tell": 2,
    "_tell_missing": 1,
    "_tell_refused": 1,
    "_told": 2,
    "in_line": 1,
    "lines": 1,
    "model_lines": 1,
    "ModelLine": 1,
    "note": 7,
    "Place": 1,
    "places": 1,
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

# Parameters, variables and attributes may be lines of text and notes of any sense. `skip_place` is in texts
# of the pages, which translators have; SHELF is a kind of filter.
NOT_RETIRED_IN_VARIABLES = frozenset({"line", "lines", "note", "notes", "noted"})
OTHER_SENSES_OF_VARIABLES = frozenset(
    {"skip_place", "shelf", "_SHELF_HZ", "_SHELF_GAIN_DB", "_SHELF_Q", "_SHELF_BAND_EXPONENT"}
)

# The parts of the product with variables that are still to be renamed. Entries may only be removed.
PARTS_WITH_RETIRED_VARIABLES: frozenset[str] = frozenset(
    {
        "api",
        "cli",
        "database",
        "engines",
        "http",
        "pages",
        "services/backup",
        "services/speech",
        "settings",
        "speech",
        "storage",
        "tables",
        "web",
        "worker",
    }
)


def words_of(name: str) -> set[str]:
    """Split a name in snake case or camel case into its words."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def names_in(tree: ast.Module) -> Iterator[str]:
    """List the classes and functions that a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def variables_in(tree: ast.Module) -> Iterator[str]:
    """List the parameters of a module, and the variables and attributes that it assigns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def retired_variables(tree: ast.Module) -> set[str]:
    """Return the variables of a module that contain a retired word in a retired sense."""
    retired = RETIRED - NOT_RETIRED_IN_VARIABLES
    return {name for name in variables_in(tree) if words_of(name) & retired} - OTHER_SENSES_OF_VARIABLES


def part_of(path: Path) -> str:
    """Name the part of the product that a module belongs to: its layer, and its domain among the services."""
    folders = path.relative_to(ROOT / "webapp").parts
    return "/".join(folders[:2] if folders[0] == "services" else folders[:1])


@cache
def names_of_the_product() -> tuple[str, ...]:
    names: list[str] = []
    for path in sorted((ROOT / "webapp").rglob("*.py")):
        if GENERATED not in path.parents:
            names.append(path.parent.name if path.stem == "__init__" else path.stem)
            names += names_in(ast.parse(path.read_text(encoding="utf-8")))
    return tuple(names)


def identifiers_in(tree: ast.Module) -> Iterator[str]:
    """List every name in a module: of definitions, parameters, attributes and variables."""
    yield from names_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg | ast.keyword) and node.arg is not None:
            yield node.arg


def retired_in_the_engine(names: Iterator[str]) -> set[str]:
    """Return the identifiers that contain a word that is retired in the AudioCraft engine."""
    retired = RETIRED | RETIRED_IN_THE_ENGINE
    return {name for name in names if words_of(name) & retired} - OTHER_SENSES_IN_THE_ENGINE


def retired_names(names: Iterable[str]) -> Counter[str]:
    """Count the names that contain a retired word in a retired sense."""
    return Counter(name for name in names if words_of(name) & RETIRED and name not in OTHER_SENSES)


def test_no_name_has_a_retired_word() -> None:
    new = retired_names(names_of_the_product()) - Counter(REMAINING)
    assert not new, f"docs/glossary.md has better words for these: {dict(new)}"


def test_the_list_of_what_remains_only_shrinks() -> None:
    replaced = Counter(REMAINING) - retired_names(names_of_the_product())
    assert not replaced, f"these are gone; take them out of REMAINING: {dict(replaced)}"


def test_only_listed_parts_have_variables_with_a_retired_word() -> None:
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "webapp").rglob("*.py")):
        if names := retired_variables(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(part_of(path), set()).update(names)
    new = {part: names for part, names in found.items() if part not in PARTS_WITH_RETIRED_VARIABLES}
    assert not new, f"docs/glossary.md has better words for these: {new}"
    cleaned = PARTS_WITH_RETIRED_VARIABLES - found.keys()
    assert not cleaned, f"these are clean; take them out of PARTS_WITH_RETIRED_VARIABLES: {cleaned}"


def test_retired_words_are_found_in_variables() -> None:
    source = "def f(place, *, said=1):\n    line = outline = 1\n    self._told_s = skip_place = line"
    assert retired_variables(ast.parse(source)) == {"place", "said", "_told_s"}


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


def explained_words(table: str) -> set[str]:
    """Return the words in the first column of a table."""
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    return {word.strip() for row in rows for word in row.split(",")} - {"retired"}


def retired_tables() -> tuple[str, str]:
    """Return the glossary's two tables of retired words: for the product, and for the engine."""
    _, _, both = GLOSSARY.read_text(encoding="utf-8").partition("## Retired words")
    of_product, _, of_engine = both.partition("### In the AudioCraft engine")
    return of_product, of_engine


def engine_identifiers() -> Iterator[str]:
    for path in sorted(ENGINE.rglob("*.py")):
        yield path.parent.name if path.stem == "__init__" else path.stem
        yield from identifiers_in(ast.parse(path.read_text(encoding="utf-8")))


def test_no_identifier_of_the_engine_has_a_retired_word() -> None:
    assert retired_in_the_engine(engine_identifiers()) == set()


def test_every_other_sense_in_the_engine_is_in_use() -> None:
    assert set(engine_identifiers()) >= OTHER_SENSES_IN_THE_ENGINE


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("class Job: ...", {"Job"}),
        ("def run(past_bytes: int) -> None: ...", {"past_bytes"}),
        ("self._hand = 1", {"_hand"}),
        ("serve(make_drawer=1)", {"make_drawer"}),
        ("lanes = handle = server_side_boards = 1", {"server_side_boards"}),
    ],
)
def test_retired_words_are_found_in_the_engine(source: str, found: set[str]) -> None:
    assert retired_in_the_engine(identifiers_in(ast.parse(source))) == found


def test_the_engine_s_retired_words_are_in_the_glossary() -> None:
    explained = explained_words(retired_tables()[1])
    assert explained <= RETIRED_IN_THE_ENGINE
    assert {word.removesuffix("s") for word in RETIRED_IN_THE_ENGINE} <= explained | {
        "quicker", "quickest", "settled",
    }  # fmt: skip


def test_every_retired_word_is_in_the_glossary() -> None:
    explained = explained_words(retired_tables()[0])
    assert explained <= RETIRED
    assert {word.removesuffix("s") for word in RETIRED} <= {word.removesuffix("s") for word in explained} | {
        "noted", "shelve",
    }  # fmt: skip


def test_every_word_is_explained_once() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\*", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    each = [word.strip() for entry in words for word in entry.split(",")]
    assert len(each) > 60
    assert [word for word, count in Counter(each).items() if count > 1] == []
