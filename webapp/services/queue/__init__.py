"""The queue: submitting, ordering, claiming, finishing and steering jobs."""
