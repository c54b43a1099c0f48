"""How a processing job is carried out: its containers, what they get from S3 and what goes back."""
