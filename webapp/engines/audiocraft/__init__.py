"""MusicGen, AudioGen and MAGNeT through AudioCraft.

Importing this package or `choice` loads nothing heavy; `engine` and the modules below it bring torch.
"""
