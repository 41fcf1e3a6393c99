"""Other vendors' APIs over the same queue, limits and library, for their unchanged clients."""
