"""Jobs and the queue over JSON."""
