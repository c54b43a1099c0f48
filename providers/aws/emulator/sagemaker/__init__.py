"""SageMaker: the control plane and the runtime, a kind of resource a file."""
