"""What the code imports is what `pyproject.toml` asks for: nothing arrives by way of another package."""

import ast
import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.check_lock import group_requirements

ROOT = Path(__file__).resolve().parents[2]
OURS = {"benchmarks", "piccolo_conf", "soundloom_client", "tests", "tools", "webapp"}
# Torch for CUDA brings the version that it works with. It is imported only where it is.
BROUGHT_BY_TORCH = {"triton"}


@cache
def imported_packages(*folders: str) -> dict[str, str]:
    """Map each foreign top-level package to one of the files that import it."""
    found: dict[str, str] = {}
    for file in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                modules = [node.module]
            else:
                continue
            found |= {module.split(".")[0]: str(file.relative_to(ROOT)) for module in modules}
    known = OURS | BROUGHT_BY_TORCH | sys.stdlib_module_names
    return {name: file for name, file in found.items() if name not in known}


def declared(*, development: bool) -> set[str]:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needs = [*asked["project"]["dependencies"], *asked["project"]["optional-dependencies"]["torch"]]
    requirements = [Requirement(need) for need in needs]
    requirements += group_requirements(asked["dependency-groups"], "neural")
    if development:
        requirements += group_requirements(asked["dependency-groups"], "dev")
    return {canonicalize_name(requirement.name) for requirement in requirements}


@cache
def known_distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def undeclared(folders: Iterable[str], names: set[str]) -> dict[str, str]:
    distributions = known_distributions()
    return {
        package: file
        for package, file in imported_packages(*folders).items()
        if names.isdisjoint(canonicalize_name(name) for name in distributions.get(package, [package]))
    }


def test_the_product_imports_only_what_it_declares() -> None:
    assert undeclared(["webapp"], declared(development=False)) == {}


def test_the_client_imports_httpx_alone() -> None:
    asked = tomllib.loads((ROOT / "clients/python/pyproject.toml").read_text(encoding="utf-8"))
    names = {Requirement(need).name for need in asked["project"]["dependencies"]}
    assert names == {"httpx"}
    assert undeclared(["clients/python/src"], names) == {}
    assert imported_packages("clients/python/src").keys() == names


def test_tests_and_tools_import_only_what_is_declared() -> None:
    assert undeclared(["tests", "tools", "benchmarks"], declared(development=True)) == {}


def test_an_undeclared_import_would_be_seen() -> None:
    assert "numpy" in undeclared(["webapp"], declared(development=False) - {"numpy"})
