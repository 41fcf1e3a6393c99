"""Decodes codec tokens to waveforms, in chunks, while the language model is still generating."""
