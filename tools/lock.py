"""Renew the lock files: `requirements/*.txt` with uv, both `package-lock.json` with npm.

`requirements/runtime.txt` is what the product needs to serve pages, sketch and speech;
`requirements/neural.txt` is that, at the same versions, and what the neural models need;
`requirements/dev.txt` is all of it, and everything that setting up, checking and testing need;
`requirements/build.txt` is what packages that come as source are built with;
`requirements/deploy.txt` is what checks the files of `docs/deploy`;
`requirements/clients.txt` are other people's clients, which `make test-clients` runs.
How uv resolves is in `pyproject.toml` ([tool.uv.pip]). Indexes and registries are those configured
on the machine.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def main() -> int:
    """Renew both kinds of lock file; returns the exit status for the shell."""
    compile_lock = [str(BIN / "uv"), "pip", "compile", "--quiet", "--upgrade"]
    runtime, neural, dev, build, deploy, clients = (
        f"requirements/{name}.txt" for name in ("runtime", "neural", "dev", "build", "deploy", "clients")
    )
    try:
        for arguments in (
            ["pyproject.toml", "-o", runtime],
            ["pyproject.toml", "--group", "neural", "-c", runtime, "-o", neural],
            ["pyproject.toml", "--group", "dev", "-c", neural, "-o", dev],
            ["--group", "build", "-c", dev, "-o", build],
            ["--group", "deploy", "-o", deploy],
            ["--group", "clients", "-o", clients],
        ):
            subprocess.run([*compile_lock, *arguments], cwd=ROOT, check=True)
        for folder in (ROOT, ROOT / "clients/javascript"):
            _lock_packages(folder)
    except subprocess.CalledProcessError as error:
        print(f"The lock was not renewed: {Path(error.cmd[0]).name} failed.", file=sys.stderr)
        return 1
    return 0


def _lock_packages(folder: Path) -> None:
    """Renew the lock of a folder's packages, in a folder of its own. Raises CalledProcessError."""
    with tempfile.TemporaryDirectory() as work:
        shutil.copyfile(folder / "package.json", Path(work) / "package.json")
        shutil.copyfile(ROOT / ".npmrc", Path(work) / ".npmrc")
        subprocess.run([BIN / "npm", "install", "--package-lock-only", "--silent"], cwd=work, check=True)
        shutil.copyfile(Path(work) / "package-lock.json", folder / "package-lock.json")


if __name__ == "__main__":
    sys.exit(main())
