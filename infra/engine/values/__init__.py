"""Values of resources: in Python, on the wire, in a checkpoint, and how two of them differ."""
