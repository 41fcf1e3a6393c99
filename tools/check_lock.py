"""Say where `pyproject.toml`, `package.json` and the lock files have drifted apart.

Works without a network: what each locked package needs is read from the packages installed here,
which are those of the lock; pins for other Python versions or systems are taken as they are. Exit
status 0 means that everything agrees.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent

# Where the product runs; a requirement counts when it applies to any of them.
ENVIRONMENTS = [
    {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": system,
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": platform,
    }
    for python in ("3.11", "3.12", "3.13")
    for platform, system, machine in (
        ("linux", "Linux", "x86_64"),
        ("linux", "Linux", "aarch64"),
        ("darwin", "Darwin", "arm64"),
        ("darwin", "Darwin", "x86_64"),
    )
]
PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\]+)?\s*\\?$")
HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}\s*\\?$")


@dataclass
class Lock:
    """A parsed requirements file: exact versions by name, and what is wrong with its lines.

    `elsewhere` names those that are not installed on a machine like this one.
    """

    name: str
    versions: dict[str, Version] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)


def read_lock(name: str, text: str) -> Lock:
    """Parse a hashed requirements file; anything but pins with SHA-256 hashes is a fault."""
    lock = Lock(name)
    hashes: dict[str, int] = {}
    current = ""
    for line in (raw.split(" #")[0].strip() for raw in text.splitlines()):
        if not line or line.startswith("#"):
            continue
        pin = PINNED.match(line)
        if pin is not None:
            current = canonicalize_name(pin["name"])
            lock.versions[current] = Version(pin["version"])
            if pin["marker"] and not Marker(pin["marker"].strip(" ;")).evaluate():
                lock.elsewhere.add(current)
            hashes[current] = 0
        elif HASH.match(line) and current:
            hashes[current] += 1
        else:
            lock.faults.append(f"{name}: neither a pin nor a SHA-256 hash: {line}")
    lock.faults += [f"{name}: {package} has no hash" for package, count in hashes.items() if count == 0]
    return lock


@cache
def applies(marker: Marker | None, extras: frozenset[str] = frozenset()) -> bool:
    """Return whether a requirement counts somewhere that the product runs, with any of `extras` asked for."""
    if marker is None:
        return True
    return any(
        marker.evaluate({**environment, "extra": extra})
        for environment in ENVIRONMENTS
        for extra in (*extras, "")
    )


def group_requirements(groups: dict[str, list[Any]], group: str) -> Iterator[Requirement]:
    """Yield the requirements of a dependency group and of those that it includes."""
    for entry in groups[group]:
        if isinstance(entry, str):
            yield Requirement(entry)
        else:
            yield from group_requirements(groups, entry["include-group"])


@cache
def installed_needs(name: str, version: Version) -> tuple[Requirement, ...] | None:
    """List what a locked package needs, or None when that version of it is not installed here."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return None
    if Version(package.version) != version:
        return None
    return tuple(Requirement(need) for need in package.requires or ())


def excluded_names(overrides: Iterable[str]) -> set[str]:
    """Name the packages that the overrides take out of the resolution everywhere."""
    parsed = [Requirement(override) for override in overrides]
    return {canonicalize_name(need.name) for need in parsed if not applies(need.marker)}


def needed_names(direct: Iterable[Requirement], lock: Lock, excluded: set[str]) -> tuple[set[str], list[str]]:
    """Follow requirements from the direct ones; returns what is needed and what is wrong on the way."""
    faults: list[str] = []
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [need for need in direct if applies(need.marker)]
    while waiting:
        need = waiting.pop()
        name, extras = canonicalize_name(need.name), frozenset(need.extras)
        if name in excluded or (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name in lock.elsewhere:
            continue
        version = lock.versions.get(name)
        if version is None:
            faults.append(f"{lock.name}: {need} is needed and not in the lock")
            continue
        inner = installed_needs(name, version)
        if inner is None:
            faults.append(f"{lock.name}: {name} {version} is not what is installed here; run make setup")
            continue
        waiting += [need for need in inner if applies(need.marker, extras)]
    return {name for name, _ in seen}, faults


def out_of_range(direct: Iterable[Requirement], lock: Lock) -> list[str]:
    """List the direct requirements whose locked version is outside their range."""
    return [
        f"{lock.name}: {need} is asked for, and {version} is locked"
        for need in direct
        if (version := lock.versions.get(canonicalize_name(need.name))) is not None
        and not need.specifier.contains(version, prereleases=True)
    ]


@dataclass(frozen=True)
class Locks:
    """The requirement locks: each but the last holds the one before it, at the same versions."""

    runtime: Lock
    neural: Lock
    dev: Lock
    build: Lock

    @classmethod
    def read(cls, root: Path) -> "Locks":
        """Parse the locks of a checkout."""
        names = (f"requirements/{name}.txt" for name in ("runtime", "neural", "dev", "build"))
        return cls(*(read_lock(name, (root / name).read_text(encoding="utf-8")) for name in names))


def python_faults(project: dict[str, Any], locks: Locks) -> list[str]:
    """Compare the ranges in pyproject.toml with the requirement locks."""
    product = [Requirement(need) for need in project["project"]["dependencies"]]
    models = list(group_requirements(project["dependency-groups"], "neural"))
    development = list(group_requirements(project["dependency-groups"], "dev"))
    build = [Requirement(need) for need in project["build-system"]["requires"]]
    excluded = excluded_names(project["tool"]["uv"]["override-dependencies"])
    tools = list(group_requirements(project["dependency-groups"], "build"))
    dev = locks.dev
    faults = [*locks.runtime.faults, *locks.neural.faults, *dev.faults, *locks.build.faults]
    for lock, direct in (
        (locks.runtime, product),
        (locks.neural, [*product, *models]),
        (dev, [*product, *development, *build]),
        (locks.build, tools),
    ):
        needed, missing = needed_names(direct, lock, excluded)
        faults += missing + out_of_range(direct, lock)
        if not missing:
            unneeded = lock.versions.keys() - needed - lock.elsewhere
            faults += [f"{lock.name}: nothing needs {name}" for name in sorted(unneeded)]
        faults += [f"{lock.name}: {name} has a step of its own" for name in excluded & lock.versions.keys()]
    faults += [
        f"{name} is {version} in {lock.name} and {dev.versions.get(name)} in {dev.name}"
        for lock in (locks.runtime, locks.neural, locks.build)
        for name, version in lock.versions.items()
        if dev.versions.get(name) != version
    ]
    return faults


def frontend_faults(asked: dict[str, Any], locked: dict[str, Any]) -> list[str]:
    """Compare package.json with package-lock.json."""
    packages: dict[str, Any] = locked["packages"]
    faults = [
        f"package-lock.json: {kind} differ from package.json"
        for kind in ("dependencies", "devDependencies")
        if asked.get(kind, {}) != packages[""].get(kind, {})
    ]
    for path, entry in packages.items():
        if not path:
            continue
        if not str(entry.get("integrity", "")).startswith("sha512-"):
            faults.append(f"package-lock.json: {path} has no SHA-512 integrity")
        if "resolved" in entry:
            faults.append(f"package-lock.json: {path} names a registry")
    return faults


def find_faults(root: Path = ROOT) -> list[str]:
    """List every disagreement between what the repository asks for and what it has locked."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    asked, locked = (
        json.loads((root / name).read_text(encoding="utf-8"))
        for name in ("package.json", "package-lock.json")
    )
    return python_faults(project, Locks.read(root)) + frontend_faults(asked, locked)


def main() -> int:
    """Print the disagreements; returns the exit status for the shell."""
    faults = find_faults()
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        print("The locks have drifted; make lock renews them.", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
