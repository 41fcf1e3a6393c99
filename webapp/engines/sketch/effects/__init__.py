"""Sounds of the world, by physical and source-filter models. Start at :mod:`.render` and :mod:`.catalogue`."""
