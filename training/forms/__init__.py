"""The forms in which a model is kept and served: ONNX, skops, and what they are made from."""
