"""The server's own description, read by tools of JavaScript: two sets of rules, two makers of clients.

`JAVASCRIPT` names the folder with the installed tools and the programs that use what they make.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx

TOOLS = Path(os.environ["JAVASCRIPT"])


def main(address: str, _token: str) -> None:
    folder = Path("javascript")
    folder.mkdir()
    (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    for file in (*TOOLS.glob("*.ts"), *TOOLS.glob("*.json"), *TOOLS.glob("*.yaml")):
        (folder / file.name).write_bytes(file.read_bytes())
    description = httpx.get(f"{address}/schema/openapi.json").raise_for_status()
    (folder / "openapi.json").write_bytes(description.content)

    def run(*command: str) -> None:
        finished = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
        if finished.returncode != 0:
            sys.exit(f"{command[0]}: {finished.stdout}{finished.stderr}")

    run("spectral", "lint", "openapi.json", "--ruleset", "spectral.yaml", "--fail-severity", "warn")
    run("redocly", "lint", "openapi.json", "--config", "redocly.yaml", "--max-problems", "20")
    run("openapi-typescript", "openapi.json", "--output", "schema.ts", "--default-non-nullable=false")
    run("openapi-ts", "--input", "openapi.json", "--output", "client")
    run("tsc", "--project", ".")
    for name in ("openapi_fetch", "hey_api"):
        run("node", f"out/{name}.js", address)


if __name__ == "__main__":
    main(*sys.argv[1:])
