"""What the scripts beside this one begin with, as a user of the SageMaker SDK would: a bucket, a role, a session.

They run in the SDK's own environment, inside the emulator, and assert what they find.
"""

import json
import os
import pathlib
import tarfile
import time

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session

SOURCE = pathlib.Path(os.environ["EXAMPLE_SOURCE"])
DATA = pathlib.Path(os.environ["EXAMPLE_DATA"])
BUCKET = "sdk-user"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ROWS = "5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n"
IMAGE = image_uris.retrieve("sklearn", "us-east-1", version="1.2-1", instance_type="ml.m5.large")

s3, iam = boto3.client("s3"), boto3.client("iam")


def begin():
    """The session and the role, made on the first use."""
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
        s3.upload_file(str(DATA / "iris.csv"), BUCKET, "train/iris.csv")
        iam.create_role(RoleName="sdk-user", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="sdk-user", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        time.sleep(1)
    return Session(default_bucket=BUCKET), iam.get_role(RoleName="sdk-user")["Role"]["Arn"]


def code_archive():
    """The address of the example's code as sourcedir.tar.gz."""
    archive = pathlib.Path("sourcedir.tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(SOURCE.iterdir()):
            tar.add(path, path.name)
    s3.upload_file(str(archive), BUCKET, "code/sourcedir.tar.gz")
    return f"s3://{BUCKET}/code/sourcedir.tar.gz"


def serving(code):
    """The environment of a model that the example's inference.py serves."""
    return {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": code}
