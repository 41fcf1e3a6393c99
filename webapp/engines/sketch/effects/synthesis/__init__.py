"""Building blocks of effects: oscillators, modes, voices, engines, filters, space."""
