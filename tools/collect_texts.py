"""Collect the texts of pages, one catalogue for each domain: `python -m tools.collect_texts [--check]`.

A domain is a folder of `templates/` and of `webapp/pages/`. Its catalogue `locale/<domain>.pot` holds every
text of both once, in English, with the files that say it.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import write_po

ROOT: Final = Path(__file__).resolve().parent.parent
CATALOGUES: Final = ROOT / "locale"
# What marks a text, and which of its arguments are the text.
KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "count": (2, 3),
    "counted": (2, 3),
    "forms": (1, 2),
}
SOURCES: Final = (
    ("templates", "*.html", "jinja2.ext.babel_extract"),
    ("webapp/pages", "*.py", "python"),
)
OPTIONS: Final = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
# A date of its own would make each catalogue differ from the last one.
NO_DATE: Final = datetime(2026, 1, 1, tzinfo=UTC)
HEADER: Final = "# The texts of the pages: {domain}. Written by `make texts`; see docs/texts.md.\n#"


def domains() -> list[str]:
    """List the domains, by name."""
    return sorted(folder.name for folder in (ROOT / "templates").iterdir() if folder.is_dir())


def catalogue(domain: str) -> bytes:
    """Build the catalogue of a domain: its texts in the order of its files."""
    texts = Catalog(
        project="Soundloom",
        header_comment=HEADER.format(domain=domain),
        creation_date=NO_DATE,
        charset="utf-8",
    )
    for file, message in _found(domain):
        texts.add(message, locations=[(file, 0)])
    out = BytesIO()
    write_po(out, texts, include_lineno=False, width=110)
    return out.getvalue()


def _found(domain: str) -> Iterator[tuple[str, str | tuple[str, ...]]]:
    for folder, pattern, method in SOURCES:
        for path in sorted((ROOT / folder / domain).glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            for _, message, *_ in extract_from_file(method, path, keywords=KEYWORDS, options=OPTIONS):
                yield name, message


def differing() -> list[str]:
    """Name the catalogues that are not what the sources say, and those of domains that are gone."""
    kept = {path.stem: path.read_bytes() for path in CATALOGUES.glob("*.pot")}
    made = {domain: catalogue(domain) for domain in domains()}
    return sorted(name for name in kept.keys() | made.keys() if kept.get(name) != made.get(name))


def main() -> int:
    """Write the catalogues, or only say which of them are out of date."""
    if "--check" in sys.argv[1:]:
        stale = differing()
        for name in stale:
            print(f"locale/{name}.pot is out of date: run make texts", file=sys.stderr)
        return 1 if stale else 0
    CATALOGUES.mkdir(exist_ok=True)
    for path in CATALOGUES.glob("*.pot"):
        path.unlink()
    for domain in domains():
        (CATALOGUES / f"{domain}.pot").write_bytes(catalogue(domain))
    return 0


if __name__ == "__main__":
    sys.exit(main())
