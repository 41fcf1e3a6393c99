"""SQL as text is written in `queries.py` modules and nowhere else: decision 0131."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# `Database.fetch` and `Database.execute_many`, and Piccolo's own `Table.raw`.
RAW_CALLS = {"fetch", "execute_many", "raw"}
QUERIES = re.compile(r"webapp/services/\w+/(\w+_)?queries\.py")
# What is below `Database`; migrations, which are written once; sound engines, which may import no database.
EXEMPT = ("webapp/database/", "webapp/tables/piccolo_migrations/", "webapp/engines/")
# Raise it only with a reason: most statements can be said with Piccolo.
MOST_RAW_CALLS = 47


def raw_calls(source: str) -> int:
    return sum(
        isinstance(node, ast.Attribute) and node.attr in RAW_CALLS for node in ast.walk(ast.parse(source))
    )


def modules_with_raw_calls() -> set[str]:
    paths = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / "webapp").rglob("*.py")}
    return {
        name
        for name, path in paths.items()
        if not name.startswith(EXEMPT)
        and not QUERIES.fullmatch(name)
        and raw_calls(path.read_text(encoding="utf-8"))
    }


def modules_that_build_sql() -> set[str]:
    """Ask the linter for SQL that is put together, with none of the exemptions of the project."""
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "S608"]
    command += ["--output-format", "concise", "webapp"]
    finished = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert finished.returncode in {0, 1}, finished.stderr
    return set(re.findall(r"^(\S+\.py):\d+:\d+: S608", finished.stdout, re.MULTILINE))


def test_only_queries_modules_run_sql() -> None:
    assert sorted(modules_with_raw_calls()) == []


def test_raw_statements_stay_the_exception() -> None:
    paths = (ROOT / "webapp/services").rglob("*queries.py")
    assert sum(raw_calls(path.read_text(encoding="utf-8")) for path in paths) <= MOST_RAW_CALLS


def test_only_queries_modules_build_sql() -> None:
    ignores = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    exempt = {name for name, rules in ignores["per-file-ignores"].items() if "S608" in rules}
    assert exempt == {"tests/**", "webapp/services/*/*queries.py", "webapp/tables/piccolo_migrations/**"}
    building = {name for name in modules_that_build_sql() if not name.startswith(EXEMPT)}
    assert sorted(name for name in building if not QUERIES.fullmatch(name)) == []


@pytest.mark.parametrize(
    ("source", "is_raw"),
    [
        ("await self._database.fetch('SELECT 1')", True),
        ("run = database.execute_many", True),
        ("await Job.raw('SELECT 1')", True),
        ("await Job.select().where(Job.job_id == job_id)", False),
        ("await queries.fetch_job(database, job_id)", False),
    ],
)
def test_raw_calls_are_seen(source: str, *, is_raw: bool) -> None:
    tree = f"async def work():\n    {source}"
    assert bool(raw_calls(tree)) is is_raw


@pytest.mark.parametrize(
    ("name", "is_allowed"),
    [
        ("webapp/services/library/queries.py", True),
        ("webapp/services/library/listing_queries.py", True),
        ("webapp/services/library/browse.py", False),
        ("webapp/pages/library/queries.py", False),
        ("webapp/services/library/my_queries/other.py", False),
    ],
)
def test_a_queries_module_is_known_by_its_name(name: str, *, is_allowed: bool) -> None:
    assert bool(QUERIES.fullmatch(name)) is is_allowed
