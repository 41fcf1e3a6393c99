"""Chooses the kind of answer that a client prefers."""

from collections.abc import Iterator

HTML = "text/html"
# Browsers send some 150 characters.
_LONGEST = 2_000
JSON_TYPES = ("application/json", "application/problem+json", "application/*")


def prefers_html(accept: str) -> bool:
    """Return whether an `Accept` header names HTML and ranks it above JSON (RFC 9110, section 12.5.1).

    `*/*` alone is no wish for HTML: it is what programs send.
    """
    quality = dict(_ranges(accept))
    html = quality.get(HTML, 0.0)
    return html > 0 and html >= max((quality.get(name, 0.0) for name in JSON_TYPES), default=0.0)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    for part in accept[:_LONGEST].split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        try:
            yield name, float(weight)
        except ValueError:
            yield name, 0.0
