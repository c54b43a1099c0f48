"""The neutral values of the contract: what a user can ask of any cloud, and what a cloud answers.

Every `…Spec` is the input of one resource kind, every `…State` its outputs. Python names are snake_case;
on the Pulumi wire and in stack files the same names are camelCase (`time_limit` is `timeLimit`).
Nothing here belongs to one cloud; vendor settings go through `overrides` untouched.
"""

from __future__ import annotations

from providers.values.base import CloudName as CloudName
from providers.values.base import ContractName as ContractName
from providers.values.base import Digest as Digest
from providers.values.base import Machine as Machine
from providers.values.base import Name as Name
from providers.values.base import Scoped as Scoped
from providers.values.base import Value as Value
from providers.values.batch import BatchSpec as BatchSpec
from providers.values.batch import BatchState as BatchState
from providers.values.datasets import ColumnType as ColumnType
from providers.values.datasets import DataFormat as DataFormat
from providers.values.datasets import DatasetSpec as DatasetSpec
from providers.values.datasets import DatasetState as DatasetState
from providers.values.datasets import HttpSource as HttpSource
from providers.values.datasets import Paging as Paging
from providers.values.datasets import SqlSource as SqlSource
from providers.values.endpoints import Autoscaling as Autoscaling
from providers.values.endpoints import Deployment as Deployment
from providers.values.endpoints import DeploymentState as DeploymentState
from providers.values.endpoints import EndpointSpec as EndpointSpec
from providers.values.endpoints import EndpointState as EndpointState
from providers.values.endpoints import EndpointStatus as EndpointStatus
from providers.values.endpoints import Rollout as Rollout
from providers.values.jobs import Channel as Channel
from providers.values.jobs import CodeSpec as CodeSpec
from providers.values.jobs import Identity as Identity
from providers.values.jobs import JobStatus as JobStatus
from providers.values.jobs import Network as Network
from providers.values.jobs import Objective as Objective
from providers.values.jobs import ParameterRange as ParameterRange
from providers.values.jobs import TrainingSpec as TrainingSpec
from providers.values.jobs import TrainingState as TrainingState
from providers.values.jobs import TuningSpec as TuningSpec
from providers.values.jobs import TuningState as TuningState
from providers.values.models import Limit as Limit
from providers.values.models import ModelSpec as ModelSpec
from providers.values.models import ModelState as ModelState
from providers.values.models import ModelVersionSpec as ModelVersionSpec
from providers.values.models import ModelVersionState as ModelVersionState
