"""The process that generates: claims jobs, runs engines, writes results."""
