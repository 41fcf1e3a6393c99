"""Sounds of the world, by physical and source-filter models; :mod:`.render` is the way in."""
