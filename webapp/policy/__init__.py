"""Pure rules over plain values: tiers, prices, the order of the queue, the fields of requests."""
