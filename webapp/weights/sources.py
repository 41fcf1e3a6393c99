"""Opens the source at an address."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from webapp.addresses import what_is_wrong, without_credentials
from webapp.weights.source import FolderSource, Source, SourceFailed


def open_source(address: str) -> Source:
    """Return the source at an address: `https://…`, `http://…`, `file://…` or the path of a folder.

    Raises SourceFailed for anything else.
    """
    # urllib and TLS are slow to import, and only needed for one kind.
    from webapp.weights.http_source import HttpSource  # noqa: PLC0415

    if "://" in address and (wrong := what_is_wrong(address)):
        raise SourceFailed(f"The address of the source is not valid: {wrong}")
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and parts.hostname:
        return HttpSource(address)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        folder = Path(unquote(parts.path))
    elif not parts.scheme:
        folder = Path(address).expanduser().absolute()
    else:
        raise SourceFailed(f"{without_credentials(address)} is neither a web address nor a folder")
    if not folder.is_dir():
        raise SourceFailed(f"There is no folder {folder}")
    return FolderSource(folder)
