"""A web page that reads digits while they are drawn, on this machine."""
