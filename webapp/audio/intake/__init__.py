"""Takes in sounds that anybody may send: recognised by their bytes, decoded in a process with limits."""
