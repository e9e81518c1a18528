"""Laboratories: panels to try things out on the network that is open."""
