"""sagemaker.core.resources and ModelBuilder host the model whose address is the argument."""

import json
import sys
import time

from sagemaker.core import resources, shapes
from sagemaker.core.transformer import Transformer
from sagemaker.serve.model_builder import ModelBuilder
from session import BUCKET, IMAGE, ROWS, begin, code_archive, s3, serving

session, role = begin()
code = code_archive()
name = f"core-{int(time.time())}"

resources.Model.create(
    model_name=name,
    execution_role_arn=role,
    primary_container=shapes.ContainerDefinition(image=IMAGE, model_data_url=sys.argv[1], environment=serving(code)),
)
variant = shapes.ProductionVariant(
    variant_name="all", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
)
resources.EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
endpoint = resources.Endpoint.create(endpoint_name=name, endpoint_config_name=name)
endpoint.wait_for_status("InService", poll=1)
reply = endpoint.invoke(body=ROWS, content_type="text/csv", accept="application/json")
assert json.loads(reply.body.read()) == ["setosa", "virginica"]
endpoint.delete()
endpoint.wait_for_delete(poll=1)
print("CORE ok")

s3.put_object(Bucket=BUCKET, Key="batch/rows.csv", Body=ROWS.encode())
transformer = Transformer(
    model_name=name, instance_count=1, instance_type="ml.m5.large", accept="text/csv", assemble_with="Line",
    output_path=f"s3://{BUCKET}/batch-output", sagemaker_session=session,
)  # fmt: skip
transformer.transform(f"s3://{BUCKET}/batch/", content_type="text/csv", split_type="Line", wait=True, logs=False)
predictions = s3.get_object(Bucket=BUCKET, Key="batch-output/rows.csv.out")["Body"].read().decode().split()
assert predictions == ["setosa", "virginica"], predictions
print("TRANSFORM ok")

builder = ModelBuilder(
    image_uri=IMAGE, s3_model_data_url=sys.argv[1], env_vars=serving(code), role_arn=role, sagemaker_session=session
)
built = f"built-{int(time.time())}"
builder.build(model_name=built)
hosted = builder.deploy(endpoint_name=built, instance_type="ml.m5.large", initial_instance_count=1)
reply = hosted.invoke(body=ROWS, content_type="text/csv", accept="application/json")
assert json.loads(reply.body.read()) == ["setosa", "virginica"]
hosted.delete()
print("BUILDER ok")
