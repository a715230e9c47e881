"""The data sets, their splits and their batches, as numpy arrays."""
