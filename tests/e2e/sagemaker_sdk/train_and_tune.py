"""ModelTrainer and HyperparameterTuner; prints the address of the trained model."""

from sagemaker.core.parameter import IntegerParameter
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode
from sagemaker.train.tuner import HyperparameterTuner
from session import BUCKET, IMAGE, SOURCE, begin

session, role = begin()
trainer = ModelTrainer(
    sagemaker_session=session,
    role=role,
    base_job_name="iris",
    training_image=IMAGE,
    source_code=SourceCode(source_dir=str(SOURCE), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=10),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/output"),
    hyperparameters={"n_estimators": 20},
)
data = [InputData(channel_name="train", data_source=f"s3://{BUCKET}/train/")]
trainer.train(input_data_config=data, wait=True, logs=False)
job = trainer._latest_training_job
assert job.training_job_status == "Completed", job
print("MODEL", job.model_artifacts.s3_model_artifacts)

tuner = HyperparameterTuner(
    model_trainer=trainer,
    objective_metric_name="accuracy",
    metric_definitions=[{"Name": "accuracy", "Regex": "validation:accuracy=([0-9.]+);"}],
    hyperparameter_ranges={"max_depth": IntegerParameter(1, 5)},
    max_jobs=2,
    max_parallel_jobs=2,
    strategy="Random",
)
tuner.tune(inputs=data, wait=True)
best = session.sagemaker_client.describe_training_job(TrainingJobName=tuner.best_training_job())
assert best["TrainingJobStatus"] == "Completed"
assert 1 <= int(best["HyperParameters"]["max_depth"]) <= 5
print("BEST", best["FinalMetricDataList"][0]["Value"])
