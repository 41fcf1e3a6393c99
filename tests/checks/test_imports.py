"""The arrows of the architecture hold, in the import graph and in a process that has really started."""

import ast
import json
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("audiocraft", "matplotlib", "numpy", "scipy", "soundfile", "torch")
PRINT_LOADED = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
CROSSINGS = [
    ("api", "webapp.pages"),
    ("pages", "webapp.tables"),
    ("web", "torch"),
    ("services", "webapp.api"),
    ("services", "webapp.engines"),
    ("services", "matplotlib"),
    ("services", "litestar"),
    ("policy", "piccolo"),
    ("policy", "random"),
    ("engines", "webapp.services"),
    ("audio", "webapp.engines"),
    ("tables", "webapp.services"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def loaded_by(module: str) -> set[str]:
    finished = subprocess.run(
        [sys.executable, "-c", PRINT_LOADED, module], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(json.loads(finished.stdout))


@pytest.fixture
def copy_of_the_code(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "webapp", tmp_path / "webapp", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "piccolo_conf.py"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def imported_by(path: Path, modules: Collection[str]) -> set[str]:
    """Those of `modules` that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found.update(name if name in modules else node.module for name in names)
    return found & set(modules)


def circular(imports: dict[str, set[str]]) -> set[str]:
    """The modules that are in a circle of imports, or import one that is."""
    left = dict(imports)
    while done := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in done}
    return set(left)


def test_a_circle_of_imports_is_found() -> None:
    assert circular({"a": {"b"}, "b": {"c"}, "c": set()}) == set()
    assert circular({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"a", "b", "c"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "webapp").rglob("*.py")]
    modules = {".".join(path.parts).removesuffix(".__init__"): ROOT / path for path in paths}
    imports = {name: imported_by(path.with_suffix(".py"), modules) for name, path in modules.items()}
    assert circular(imports) == set()


def test_the_import_contracts_are_kept() -> None:
    finished = lint_imports(ROOT)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize(("package", "imported"), CROSSINGS)
def test_an_import_against_the_arrows_is_refused(copy_of_the_code: Path, package: str, imported: str) -> None:
    (copy_of_the_code / f"webapp/{package}/crossing.py").write_text(f"import {imported}\n", encoding="utf-8")
    finished = lint_imports(copy_of_the_code)
    assert finished.returncode == 1
    assert f"webapp.{package}.crossing -> {imported}" in finished.stdout


def test_a_module_without_a_place_in_the_layers_is_refused(copy_of_the_code: Path) -> None:
    (copy_of_the_code / "webapp/newcomer.py").touch()
    finished = lint_imports(copy_of_the_code)
    assert finished.returncode == 1
    assert "newcomer" in finished.stdout


@pytest.mark.parametrize("module", ["webapp.web.app", "webapp.cli"])
def test_the_web_process_loads_nothing_heavy(module: str) -> None:
    loaded = loaded_by(module)
    assert "webapp" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_heavy_import_would_be_seen() -> None:
    assert "numpy" in loaded_by("webapp.audio.waveform")
