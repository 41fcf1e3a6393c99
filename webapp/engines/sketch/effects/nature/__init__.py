"""Weather, water and fire."""
