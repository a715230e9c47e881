"""How sure networks are of what is no digit."""
