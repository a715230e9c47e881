"""Many seeds and settings: statistics and figures."""
