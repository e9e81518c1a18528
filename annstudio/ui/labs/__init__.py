"""Laboratories: panels that try something out on the user's own network; the Labs menu opens them."""
