"""The CNN variants, their layers, and the fast CPU convolution."""
