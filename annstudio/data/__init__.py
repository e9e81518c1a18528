"""Data to learn from: columns of examples, and the sources that make or read them."""
