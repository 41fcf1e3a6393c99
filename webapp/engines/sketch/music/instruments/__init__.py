"""What sounds a note: sampled and synthesised instruments and drums."""
