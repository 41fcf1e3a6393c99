"""Text to speech over JSON."""
