"""The service's status over JSON."""
