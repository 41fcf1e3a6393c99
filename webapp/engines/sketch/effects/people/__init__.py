"""People: their voices, crowds and footsteps."""
