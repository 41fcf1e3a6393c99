"""How a text is read: sentences, scripts, and what is spoken otherwise than written."""
