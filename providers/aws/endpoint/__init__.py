"""Behind an endpoint on AWS: what is asked of SageMaker, how a change goes over, scaling, requests, logs."""
