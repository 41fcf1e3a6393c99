"""Engines: prompts in, waveforms and progress out. They know nothing of jobs, users or HTTP."""
