"""The frame of every page: rendering, forms, navigation, errors and live updates."""
