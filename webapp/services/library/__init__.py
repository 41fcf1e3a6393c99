"""The library: publishing, search, votes, favorites, plays and playlists of sounds."""
