"""Workers: their state, what operators ask of them, and the service's status."""
