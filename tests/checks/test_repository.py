"""What is tracked: no machine's paths or registries, no giants, and the commands that the README promises."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 50
# Path -> why it may be longer.
LONG_FILES: dict[str, str] = {}
# "path::function" -> why it may be longer.
LONG_FUNCTIONS: dict[str, str] = {}

# Put together here, so that this file does not hold what it looks for.
REGISTRIES = "|".join(
    re.escape(name)
    for name in (
        "pypi" + ".org",
        "python" + "hosted.org",
        "registry." + "npmjs",
        "registry." + "yarnpkg",
        "download." + "pytorch",
    )
)
MACHINE_PATHS = r"(?<![\w.$}])/(?:root|work|home/[a-z]+|Users/[a-z]+)/"


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def lines_matching(pattern: str, files: list[Path]) -> list[str]:
    matcher = re.compile(pattern)
    found = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [
            f"{file.relative_to(ROOT)}:{number}"
            for number, line in enumerate(text.splitlines(), 1)
            if matcher.search(line)
        ]
    return found


@pytest.fixture(scope="module")
def files() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    return tracked_files()


def python_sources(files: list[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        name = file.relative_to(ROOT).as_posix()
        if file.suffix == ".py" and "/piccolo_migrations/" not in name:
            yield name, file.read_text(encoding="utf-8")


def test_no_registry_is_named(files: list[Path]) -> None:
    assert lines_matching(REGISTRIES, files) == []


def test_no_machine_path_is_named(files: list[Path]) -> None:
    assert lines_matching(MACHINE_PATHS, files) == []


@pytest.mark.parametrize(
    "line",
    ["see /" + "root/.config", "cd /" + "work/x", "'/" + "home/ann/x'", "https://pypi" + ".org/simple"],
)
def test_the_patterns_find_what_they_look_for(line: str) -> None:
    assert re.search(f"{MACHINE_PATHS}|{REGISTRIES}", line)


def test_nothing_that_set_up_fetches_or_the_product_writes_is_tracked(files: list[Path]) -> None:
    fetched = ("static/vendor/", "data/", "build/", "node_modules/", ".venv/")
    assert [file for file in files if file.relative_to(ROOT).as_posix().startswith(fetched)] == []


def test_every_file_of_the_package_is_tracked(files: list[Path]) -> None:
    folders = [ROOT / name for name in ("webapp", "templates", "tests", "tools", "benchmarks")]
    present = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    made = {path for path in present if "__pycache__" in path.parts}
    assert sorted(present - made - set(files)) == []


def test_files_stay_small(files: list[Path]) -> None:
    long = {name for name, text in python_sources(files) if len(text.splitlines()) > MAX_FILE_LINES}
    assert long == LONG_FILES.keys()


def test_functions_stay_small(files: list[Path]) -> None:
    long = {
        f"{name}::{node.name}"
        for name, text in python_sources(files)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == LONG_FUNCTIONS.keys()


def targets() -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return [
        name for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for name in line.split()
    ]


@pytest.mark.parametrize("target", ["dev", "format", "lint", "lock", "run", "setup", "test", "wheel"])
def test_make_knows_the_target(target: str) -> None:
    assert target in targets()
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert [target for target in targets() if f"  make {target} " not in shown] == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = {path.name for path in folder.glob("[0-9]*.md")}
    assert set(re.findall(r"\]\(([0-9]{4}-[a-z0-9-]+\.md)\)", index)) == records


@pytest.mark.parametrize("target", ["setup", "test", "test-browser"])
def test_continuous_integration_runs_what_people_run(target: str) -> None:
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.split()[:2] == ["make", target]]


def test_testing_begins_with_linting() -> None:
    assert "\ntest: lint\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_no_two_browser_tests_register_the_same_name() -> None:
    """They share a server, and which of them do depends on how many processes there are."""
    names = [
        name
        for path in tracked_files()
        if path.match("tests/browser/*.py")
        for name in re.findall(
            r'(?:register|newcomer)\((?:\w+, )?"([^"]+)"', path.read_text(encoding="utf-8")
        )
    ]
    assert len(names) > 40
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
