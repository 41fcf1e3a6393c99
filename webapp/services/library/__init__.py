"""The library: sounds published, found, voted for, kept, played and put in lists."""

from webapp.services.library.library import Library, build_library

__all__ = ["Library", "build_library"]
