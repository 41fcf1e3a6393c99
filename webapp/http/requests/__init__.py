"""What is read from a request before a handler sees it, with strict bounds."""
