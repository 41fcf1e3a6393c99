"""Renew the lock files: `requirements/*.txt` with uv, `package-lock.json` with npm.

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
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


def main() -> int:
    """Renew both kinds of lock file; returns the exit status for the shell."""
    compile_lock = [str(BIN / "uv"), "pip", "compile", "--quiet", "--upgrade"]
    runtime, neural, dev, build, deploy, clients = (
        f"requirements/{name}.txt" for name in ("runtime", "neural", "dev", "build", "deploy", "clients")
    )
    work = ROOT / "build/frontend-lock"
    work.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", ".npmrc"):
        shutil.copyfile(ROOT / name, work / name)
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
        subprocess.run([BIN / "npm", "install", "--package-lock-only", "--silent"], cwd=work, check=True)
    except subprocess.CalledProcessError as error:
        print(f"The lock was not renewed: {Path(error.cmd[0]).name} failed.", file=sys.stderr)
        return 1
    shutil.copyfile(work / "package-lock.json", ROOT / "package-lock.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
