"""Understanding: from a prompt to a plan, with an account of what was understood and what was not."""
