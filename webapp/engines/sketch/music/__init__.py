"""Music: arrangements of instruments and drums by style."""
