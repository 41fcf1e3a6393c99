"""Renders the table of prompts to a page with players and spectrograms, beside another revision's sketch.

Run it as ``make gallery``; the page is build/gallery/index.html. The other revision is rendered by its own
code, in a worktree that goes away afterwards, with this interpreter.
"""

import argparse
import html
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "tests" / "engines" / "sketch" / "prompts.toml"
OUTPUT = ROOT / "build" / "gallery"
GIT = shutil.which("git") or "git"
# Before the sketch engine understood sounds of the world and played samples.
BEFORE = "1b63dd7"
SECONDS = 8.0
# Runs in either revision: it uses only what both have.
_RENDER = """
import json, sys
from pathlib import Path
from webapp.audio.encode import AudioFormat, write_audio
from webapp.audio.finish import finish
from webapp.audio.spectrogram import spectrogram_png
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.engines.registry import create_engine
folder, asked = Path(sys.argv[1]), json.load(sys.stdin)
folder.mkdir(parents=True, exist_ok=True)
engine = create_engine("sketch")
for number, (prompt, model, seconds) in enumerate(asked):
    request = GenerationRequest(prompt, seconds, model, 1)
    (raw,) = generate_all(engine, [request], lambda _index, _share: None, CancelToken())
    sound = finish(raw, duration_s=seconds, loopable=False).waveform
    write_audio(folder / f"{number}.ogg", sound, AudioFormat.OGG)
    (folder / f"{number}.png").write_bytes(spectrogram_png(sound))
    print(f"{number + 1} of {len(asked)}: {prompt}", file=sys.stderr)
"""
_STYLE = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
article { border-top: 1px solid #ccc; padding: .75rem 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
img, audio { width: 100%; display: block; } figure { margin: 0; } h2 { font-size: 1.05rem; margin: .25rem 0; }
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description="Render the table of prompts to a page.")
    arguments.add_argument("--against", default=BEFORE, help="a git revision, or none")
    arguments.add_argument("--only", default="", help="only prompts that hold this text")
    options = arguments.parse_args()
    entries = [entry for entry in prompts() if options.only in entry["text"]]
    sides = {"now": ROOT}
    with worktree(options.against) as other:
        if other is not None:
            sides[f"at {options.against}"] = other
        for number, tree in enumerate(sides.values()):
            render(tree, OUTPUT / str(number), entries)
    page = OUTPUT / "index.html"
    page.write_text(page_of(entries, list(sides)), encoding="utf-8")
    print(page)


def prompts() -> list[dict[str, Any]]:
    """The entries of the table."""
    table: list[dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["prompts"]
    return table


@contextmanager
def worktree(revision: str) -> Iterator[Path | None]:
    """The files of a revision in a temporary folder; None for "none"."""
    if revision == "none":
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="gallery-") as folder:
        path = Path(folder) / "tree"
        subprocess.run(
            [GIT, "-C", str(ROOT), "worktree", "add", "--quiet", "--detach", str(path), revision],
            check=True,
        )
        try:
            yield path
        finally:
            subprocess.run([GIT, "-C", str(ROOT), "worktree", "remove", "--force", str(path)], check=True)


def render(tree: Path, folder: Path, entries: Sequence[dict[str, Any]]) -> None:
    """Render all entries with the code of ``tree``."""
    asked = [
        (entry["text"], entry.get("model", "music"), max(SECONDS, entry.get("seconds", SECONDS)))
        for entry in entries
    ]
    subprocess.run(
        [sys.executable, "-c", _RENDER, str(folder)],
        check=True,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        input=json.dumps(asked),
        text=True,
    )


def page_of(entries: Sequence[dict[str, Any]], sides: Sequence[str]) -> str:
    """The page; files lie in one folder for each side."""
    articles = "".join(_article(number, entry, sides) for number, entry in enumerate(entries))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Sketch gallery</title>'
        f"<style>{_STYLE}</style><h1>Sketch gallery</h1>{articles}</html>\n"
    )


def _article(number: int, entry: dict[str, Any], sides: Sequence[str]) -> str:
    said = {name: value for name, value in entry.items() if name not in {"text", "model", "seconds"}}
    wanted = html.escape(", ".join(f"{name} {value}" for name, value in said.items()))
    figures = "".join(
        f"<figure><figcaption>{html.escape(side)}</figcaption>"
        f'<audio controls preload="none" src="{place}/{number}.ogg"></audio>'
        f'<img loading="lazy" alt="Spectrogram" src="{place}/{number}.png"></figure>'
        for place, side in enumerate(sides)
    )
    model = html.escape(entry.get("model", "music"))
    return (
        f"<article><h2>{html.escape(entry['text'])} <small>({model})</small></h2>"
        f"<p>{wanted}</p><div class='pair'>{figures}</div></article>"
    )


if __name__ == "__main__":
    main()
