"""A tuning job runs trials as training jobs and names the best."""

from __future__ import annotations

import math
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker import ranges
from tests.local.actions import job_request
from tests.local.conftest import Running, until


def test_the_best_of_all_trials_is_named(cloud: Running) -> None:
    sagemaker = cloud.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**request(cloud, "toy-tuning", trials=3))

    def done() -> Any:
        found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="toy-tuning")
        return found if found["HyperParameterTuningJobStatus"] != "InProgress" else None

    found = until(done)
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["TrainingJobStatusCounters"]["Completed"] == 3
    trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="toy-tuning", SortBy="FinalObjectiveMetricValue", SortOrder="Descending"
    )["TrainingJobSummaries"]
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in trials]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 3
    assert found["BestTrainingJob"]["TrainingJobName"] == trials[0]["TrainingJobName"]
    assert 0.1 <= float(found["BestTrainingJob"]["TunedHyperParameters"]["score"]) <= 0.9


@given(
    st.floats(1e-6, 1.0),
    st.floats(1.0, 1e6),
    st.sampled_from(["Auto", "Linear", "Logarithmic"]),
    st.integers(),
)
def test_a_drawn_point_lies_within_its_ranges(low: float, high: float, scaling: str, seed: int) -> None:
    wanted = {
        "ContinuousParameterRanges": [
            {"Name": "x", "MinValue": repr(low), "MaxValue": repr(high), "ScalingType": scaling}
        ],
        "IntegerParameterRanges": [
            {"Name": "n", "MinValue": "2", "MaxValue": str(2 + math.ceil(high)), "ScalingType": scaling}
        ],
        "CategoricalParameterRanges": [{"Name": "c", "Values": ["one", "two"]}],
    }
    point = ranges.draw(wanted, random.Random(seed))
    assert low * (1 - 1e-9) <= float(point["x"]) <= high * (1 + 1e-9)
    assert 2 <= int(point["n"]) <= 2 + math.ceil(high)
    assert point["c"] in ("one", "two")


def request(cloud: Running, name: str, *, trials: int) -> dict[str, Any]:
    job = job_request(cloud, name)
    definition = {
        "Name": "score",
        "Regex": "score=([0-9.]+);",
    }
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "score", "MinValue": "0.1", "MaxValue": "0.9"}]
            },
        },
        "TrainingJobDefinition": {
            **{
                key: job[key]
                for key in ("RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
            },
            "AlgorithmSpecification": {**job["AlgorithmSpecification"], "MetricDefinitions": [definition]},
            "StaticHyperParameters": {"answer": "1"},
        },
    }
