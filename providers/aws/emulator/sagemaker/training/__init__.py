"""How a training job is carried out: its input, its containers, its log and its results."""
