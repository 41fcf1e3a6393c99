"""MusicGen, AudioGen and MAGNeT through AudioCraft.

Importing this package or `catalogue` loads nothing heavy; `engine` and the modules below it bring torch.
"""
