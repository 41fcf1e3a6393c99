"""Sound that is heard while it is made: levelled and encoded piece by piece."""
