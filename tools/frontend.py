"""Fetch the locked front-end packages with npm and lay out the files that pages and tests load.

`package.json` names, per destination folder, the files to take from the packages. Each destination
gets a `manifest.json` that maps a file to its SHA-256, package and version: pages put the digest in
the URL, so that a browser may cache a file for ever and still never shows an old one.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

PACKAGE_FILES = ("package.json", "package-lock.json", ".npmrc")
LICENCE_PATTERNS = ("LICEN[CS]E*", "licen[cs]e*", "NOTICE*")


def install_frontend(root: Path, npm: Path) -> None:
    """Install what `package-lock.json` pins, then fill the destination folders.

    Raises:
        subprocess.CalledProcessError: npm could not install; it has said why on its own output.
        FileNotFoundError: a package does not hold a file that `package.json` asks for.
    """
    work = root / "build/frontend"
    work.mkdir(parents=True, exist_ok=True)
    for name in PACKAGE_FILES:
        shutil.copyfile(root / name, work / name)
    subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=work, check=True
    )
    description = json.loads((root / "package.json").read_text(encoding="utf-8"))
    for folder, files in description["soundloom"].items():
        lay_out(work / "node_modules", root / folder, files)


def lay_out(packages: Path, destination: Path, files: list[str]) -> None:
    """Replace `destination` by the named files, their licences and a manifest, in one move."""
    aside = destination.with_name(destination.name + ".new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    manifest = {}
    for file in files:
        package = package_name(file)
        source = packages / file
        shutil.copyfile(source, aside / source.name)
        manifest[source.name] = describe(source, packages / package)
        copy_licences(packages / package, aside / "licences" / package.replace("/", "-"))
    (aside / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(destination, ignore_errors=True)
    aside.rename(destination)


def package_name(file: str) -> str:
    """Take the package from a path below node_modules: the first part, or two when it is scoped."""
    parts = file.split("/")
    return "/".join(parts[:2]) if file.startswith("@") else parts[0]


def describe(file: Path, package: Path) -> dict[str, Any]:
    """Make the manifest's entry for one file."""
    about = json.loads((package / "package.json").read_text(encoding="utf-8"))
    return {
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "package": about["name"],
        "version": about["version"],
        "licence": about.get("license", ""),
    }


def copy_licences(package: Path, destination: Path) -> None:
    """Keep the licence texts beside the files that are served under them."""
    destination.mkdir(parents=True, exist_ok=True)
    for pattern in LICENCE_PATTERNS:
        for text in package.glob(pattern):
            shutil.copyfile(text, destination / text.name)
