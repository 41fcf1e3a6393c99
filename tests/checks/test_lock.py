"""The lock check finds each kind of drift, and finds none in this repository."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tools.check_lock import (
    Locks,
    excluded_names,
    find_faults,
    frontend_faults,
    needed_names,
    out_of_range,
    python_faults,
    read_lock,
)

ROOT = Path(__file__).resolve().parents[2]
HASH = "    --hash=sha256:" + "0" * 64
RUNTIME = ROOT / "requirements/runtime.txt"
NEURAL = ROOT / "requirements/neural.txt"
DEV = ROOT / "requirements/dev.txt"
BUILD = ROOT / "requirements/build.txt"


def faults_with(project: dict[str, Any], **texts: str) -> list[str]:
    """Check the repository's locks, with the texts of some of them replaced."""
    others = {name: read_lock(f"{name}.txt", text) for name, text in texts.items()}
    return python_faults(project, replace(Locks.read(ROOT), **others))


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_repository_and_its_locks_agree() -> None:
    assert find_faults() == []


def test_a_range_that_the_lock_does_not_meet_is_drift(project: dict[str, Any]) -> None:
    project["project"]["dependencies"].append("litestar>=99")
    faults = faults_with(project)
    assert len(faults) == 3, "once in each lock"
    assert "litestar>=99 is asked for" in faults[0]


def test_a_requirement_without_a_pin_is_drift(project: dict[str, Any]) -> None:
    project["project"]["dependencies"].append("left-out>=1")
    assert "requirements/runtime.txt: left-out>=1 is needed and not in the lock" in faults_with(project)


def test_a_pin_that_nothing_needs_is_drift(project: dict[str, Any]) -> None:
    text = RUNTIME.read_text(encoding="utf-8") + f"left-over==1.0 \\\n{HASH}\n"
    assert "runtime.txt: nothing needs left-over" in faults_with(project, runtime=text)


def test_a_need_of_a_need_is_followed(project: dict[str, Any]) -> None:
    without_click = RUNTIME.read_text(encoding="utf-8").replace("\nclick==", "\nclack==")
    assert any(
        "click" in fault and "not in the lock" in fault
        for fault in faults_with(project, runtime=without_click)
    )


def test_locks_that_pin_different_versions_are_drift(project: dict[str, Any]) -> None:
    text = RUNTIME.read_text(encoding="utf-8").replace("tzdata==", "tzdata==1!")
    assert any(fault.startswith("tzdata is 1!") for fault in faults_with(project, runtime=text))


def test_packages_are_built_with_what_is_installed(project: dict[str, Any]) -> None:
    other = BUILD.read_text(encoding="utf-8").replace("setuptools==", "setuptools==99")
    assert any(fault.startswith("setuptools is 99") for fault in faults_with(project, build=other))


def test_torch_does_not_belong_in_the_lock(project: dict[str, Any]) -> None:
    text = RUNTIME.read_text(encoding="utf-8") + f"torch==2.13.0 \\\n{HASH}\n"
    assert "runtime.txt: torch has a step of its own" in faults_with(project, runtime=text)


@pytest.mark.parametrize(
    "line",
    [
        "--extra-index-url somewhere",
        "package>=1",
        "package @ file:///somewhere",
        "    --hash=md5:00",
    ],
)
def test_only_pins_and_sha256_hashes_belong_in_a_lock(line: str) -> None:
    assert read_lock("lock", line).faults == [f"lock: neither a pin nor a SHA-256 hash: {line.strip()}"]


def test_a_pin_without_a_hash_is_a_fault() -> None:
    assert read_lock("lock", "package==1.0").faults == ["lock: package has no hash"]


def test_a_pin_with_a_marker_is_read() -> None:
    lock = read_lock("lock", f"package==1.0 ; sys_platform == 'linux' \\\n{HASH}\n    # via other\n")
    assert (str(lock.versions["package"]), lock.faults) == ("1.0", [])


def test_what_is_installed_elsewhere_is_taken_as_it_is(project: dict[str, Any]) -> None:
    pin = f"left-over==1.0 ; python_full_version >= '3.99' \\\n{HASH}\n"
    texts = {path.stem: path.read_text(encoding="utf-8") + pin for path in (RUNTIME, NEURAL, DEV)}
    assert faults_with(project, **texts) == []


def test_requirements_for_other_systems_are_not_followed() -> None:
    needed, faults = needed_names(
        [Requirement("pywin32 ; sys_platform == 'win32'")], read_lock("lock", ""), set()
    )
    assert (needed, faults) == (set(), [])


def test_overrides_that_never_apply_exclude_a_package() -> None:
    assert excluded_names(['torch ; python_version < "3"', "av>=14"]) == {"torch"}


def test_names_are_compared_in_their_normal_form() -> None:
    lock = read_lock("lock", f"Some_Package==2.0 \\\n{HASH}\n")
    assert out_of_range([Requirement("some.package<2")], lock) == [
        "lock: some.package<2 is asked for, and 2.0 is locked"
    ]


def test_frontend_drift_is_found() -> None:
    asked = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    asked["dependencies"]["htmx.org"] = "0.0.0"
    package = locked["packages"]["node_modules/axe-core"]
    del package["integrity"]
    package["resolved"] = "somewhere"
    assert frontend_faults(asked, locked) == [
        "package-lock.json: dependencies differ from package.json",
        "package-lock.json: node_modules/axe-core has no SHA-512 integrity",
        "package-lock.json: node_modules/axe-core names a registry",
    ]
