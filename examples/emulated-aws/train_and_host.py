"""Train, register, host, ask and delete a model with nothing but boto3: the same script for AWS and for its emulator.

    mooring emulate aws -- python examples/emulated-aws/train_and_host.py

On a real account it needs a role (ROLE_ARN) and a bucket (BUCKET) of yours; inside the emulator it makes both.
"""

import io
import json
import os
import pathlib
import tarfile
import time

import boto3

HERE = pathlib.Path(__file__).resolve().parent
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
NAME = f"iris-{int(time.time())}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "logs:*", "cloudwatch:PutMetricData", "ecr:*"],
            "Resource": "*",
        }
    ],
}


def role(iam):
    """The role that jobs and servers run as."""
    if "ROLE_ARN" in os.environ:
        return os.environ["ROLE_ARN"]
    made = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=NAME, PolicyName="data", PolicyDocument=json.dumps(ALLOWED))
    time.sleep(1)  # on AWS a new role takes some seconds until it can be assumed, and in the emulator a fraction
    return made


def archive(folder):
    """The folder as tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return packed.getvalue()


def wait(describe, status, until):
    """The description once its status is not `until` any more."""
    while (found := describe())[status] in until:
        time.sleep(0.2)
    return found


def main():
    s3, sagemaker, runtime = (boto3.client(name) for name in ("s3", "sagemaker", "sagemaker-runtime"))
    bucket = os.environ.get("BUCKET") or NAME
    if "BUCKET" not in os.environ:
        s3.create_bucket(Bucket=bucket)
    arn = role(boto3.client("iam"))
    s3.put_object(Bucket=bucket, Key=f"{NAME}/code/sourcedir.tar.gz", Body=archive(HERE / "source"))
    s3.put_object(Bucket=bucket, Key=f"{NAME}/data/iris.csv", Body=(HERE.parents[1] / "data" / "iris.csv").read_bytes())
    code = f"s3://{bucket}/{NAME}/code/sourcedir.tar.gz"
    sagemaker.create_training_job(
        TrainingJobName=NAME,
        RoleArn=arn,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "validation:accuracy=([0-9.]+);"}],
        },
        HyperParameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": code, "n_estimators": "30"},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{NAME}/data/"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{bucket}/{NAME}/output"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job = wait(
        lambda: sagemaker.describe_training_job(TrainingJobName=NAME), "TrainingJobStatus", ("InProgress", "Stopping")
    )
    if job["TrainingJobStatus"] != "Completed":
        raise SystemExit(f"the job {job['TrainingJobStatus']}: {job.get('FailureReason')}")
    print("trained:", {metric["MetricName"]: round(metric["Value"], 4) for metric in job["FinalMetricDataList"]})

    container = {
        "Image": IMAGE,
        "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": code},
    }
    sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
    package = sagemaker.create_model_package(
        ModelPackageGroupName=NAME,
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [container], "SupportedContentTypes": ["text/csv"],
                                "SupportedResponseMIMETypes": ["application/json"]},
    )["ModelPackageArn"]  # fmt: skip
    print("registered:", package)

    sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=arn, PrimaryContainer=container)
    variant = {"VariantName": "main", "ModelName": NAME, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    endpoint = wait(lambda: sagemaker.describe_endpoint(EndpointName=NAME), "EndpointStatus", ("Creating",))
    if endpoint["EndpointStatus"] != "InService":
        raise SystemExit(f"the endpoint {endpoint['EndpointStatus']}: {endpoint.get('FailureReason')}")
    reply = runtime.invoke_endpoint(
        EndpointName=NAME, ContentType="text/csv", Accept="application/json", Body="5.1,3.5,1.4,0.2\n6.7,3.0,5.2,2.3\n"
    )
    print("asked:", reply["Body"].read().decode(), "by variant", reply["InvokedProductionVariant"])

    sagemaker.delete_endpoint(EndpointName=NAME)
    sagemaker.delete_endpoint_config(EndpointConfigName=NAME)
    sagemaker.delete_model(ModelName=NAME)
    sagemaker.delete_model_package(ModelPackageName=package)
    sagemaker.delete_model_package_group(ModelPackageGroupName=NAME)


if __name__ == "__main__":
    main()
