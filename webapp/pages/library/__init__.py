"""The library, sounds and playlists."""
