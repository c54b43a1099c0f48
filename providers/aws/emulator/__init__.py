"""AWS on this machine: one loopback server that boto3 and the SageMaker SDK drive unmodified.

SageMaker and its runtime are our own, over the jobs and servers of the local cloud; every other service is moto's.
"""
