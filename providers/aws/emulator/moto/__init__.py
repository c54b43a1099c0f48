"""Every service but SageMaker: moto's, kept on disk, with AWS's errors, delays and refusals where moto has none."""
