"""Our own decoder for AudioCraft's autoregressive language models: MusicGen and AudioGen.

`weights` extracts the tensors of a loaded model, a `backend` computes with them, and `autoregressive_runner`
runs a batch of sequences on a backend.
"""
