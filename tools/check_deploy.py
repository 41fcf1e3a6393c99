"""Check the files of `docs/deploy` with the tools that read them: units, containers, compose, Kubernetes.

The tools are large, so they get an environment of their own in `build/`, from `requirements/deploy.txt`.
`systemd-analyze` is the system's. Proxies and alerts are checked by tests, which run them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tools.tool_environment import installed

ROOT: Final = Path(__file__).resolve().parent.parent
DEPLOY: Final = ROOT / "docs/deploy"
LOCK: Final = "requirements/deploy.txt"
COMMAND: Final = "/opt/soundloom/.venv/bin/soundloom"
# `.ci/run` sets it: there no check may be left out.
REQUIRED: Final = "SYSTEM_TOOLS_REQUIRED"


def main() -> int:
    """Run every check; returns the exit status for the shell."""
    tools = installed("deploy-tools", LOCK)
    kubernetes = sorted(map(str, (DEPLOY / "kubernetes").glob("*.yaml")))
    passed = [
        _passes(tools / "bin/hadolint", DEPLOY / "container/Containerfile"),
        _passes(
            tools / "bin/check-jsonschema",
            "--builtin-schema=vendor.compose-spec",
            DEPLOY / "container/compose.yaml",
        ),
        _passes(tools / "bin/kubernetes-validate", "--strict", "--quiet", *kubernetes),
        _units_pass(),
    ]
    return 0 if all(passed) else 1


def _passes(*command: str | Path) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def _units_pass() -> bool:
    """Check the units of systemd, as if the command that they start were installed."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        print("systemd-analyze is missing; Debian has it in the package systemd", file=sys.stderr)
        return not os.environ.get(REQUIRED)
    with _units() as units:
        # It ends well in spite of some faults, but then says something.
        checked = subprocess.run(
            [analyze, "verify", *units], capture_output=True, text=True, check=False, timeout=60
        )
    print(checked.stdout + checked.stderr, end="", file=sys.stderr)
    return checked.returncode == 0 and not (checked.stdout + checked.stderr).strip()


@contextmanager
def _units() -> Iterator[list[Path]]:
    """Copy the units; what they start is a command that there is."""
    with tempfile.TemporaryDirectory() as folder:
        units = []
        for source in sorted((DEPLOY / "systemd").glob("*.service")):
            # An instance of a template is checked under a name of its own.
            unit = Path(folder) / source.name.replace("@.", "@1.")
            text = source.read_text(encoding="utf-8")
            if COMMAND not in text:
                raise ValueError(f"{source.name} does not start {COMMAND}")
            unit.write_text(text.replace(COMMAND, sys.executable), encoding="utf-8")
            units.append(unit)
        yield units


if __name__ == "__main__":
    sys.exit(main())
