"""What to learn from: numpy in, numpy out."""
