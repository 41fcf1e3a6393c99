"""The product's actions: one set of rules behind the JSON API, the pages, the worker and the commands."""
