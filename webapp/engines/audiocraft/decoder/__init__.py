"""Our own decoder for AudioCraft's autoregressive language models: MusicGen and AudioGen.

`weights` takes what is needed out of a loaded model, a `backend` computes with it, and the rest decides
which rows are at work.
"""
