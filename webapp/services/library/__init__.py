"""The library: publishing, search, votes, favorites, plays and playlists of sounds."""

from webapp.services.library.library import Library, build_library

__all__ = ["Library", "build_library"]
