"""Prepares a text for reading: sentences, scripts, and what is spoken otherwise than written."""
