"""A discrete-event simulation of the queue, decided by the product's own policy functions.

Time is simulated; nothing is generated and no database is used. ``python -m benchmarks.simulate`` runs a
week with 100 workers; the tests run a part of it.
"""
