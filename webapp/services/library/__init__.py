"""The library: sounds published, found, voted for, kept, played and put in lists."""
