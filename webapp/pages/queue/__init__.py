"""The Generate page and the queue explorer."""
