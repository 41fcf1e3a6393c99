"""Models: weights, downloads and voices."""
