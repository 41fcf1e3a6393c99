"""Signal work on arrays: levels, loops, quality, pictures and files.

Nothing here knows of jobs, users, HTTP or engines. Import the module you need: the package itself
imports nothing, so that a process which only wants :mod:`webapp.audio.waveform` pays for nothing else.
"""
