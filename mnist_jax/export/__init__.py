"""Trained weights for other programs: safetensors, StableHLO and ONNX."""
