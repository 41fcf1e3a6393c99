"""The middlewares that every request and every answer passes."""
