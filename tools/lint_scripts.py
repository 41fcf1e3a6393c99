"""Lint the pages' scripts and styles with Biome, which set-up installs; its rules are in `biome.json`.

Three of its rules are off. `noDuplicateProperties` would forbid a prefixed value before the standard
one; `noImportantStyles` would forbid the reset for reduced motion; `noDescendingSpecificity` does not know
that cascade layers, and not the order of selectors, decide here.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIOME = ROOT / "build/frontend/node_modules/.bin/biome"


def main() -> int:
    """Run the linter over the repository; returns its exit status."""
    if not BIOME.exists():
        print("The linter for scripts is not installed; run make setup.", file=sys.stderr)
        return 1
    return subprocess.run([BIOME, "lint", "--error-on-warnings", "."], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
