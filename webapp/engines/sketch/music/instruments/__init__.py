"""Instruments: sampled and synthesised instruments and drums."""
