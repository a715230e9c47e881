"""Random distortions of a batch of images, on the device."""
