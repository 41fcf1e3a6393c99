"""Other vendors' requests, read as our own."""
