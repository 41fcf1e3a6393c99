"""Things that people use: from glass and doors to vehicles."""
