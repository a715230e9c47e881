"""A web page that reads digits as they are drawn; served on this machine."""
