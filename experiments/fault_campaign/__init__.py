"""Kills, damage and hostile input, and what survives them."""
