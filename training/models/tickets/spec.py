"""Declaration of the tickets model: its input, its target and the metric it must reach."""

from relearn.spec.model import (
    Category,
    Hyperparameter,
    Ingest,
    Metric,
    ModelSpec,
    Quality,
    Retrain,
    Serverless,
    Text,
    Training,
)

SPEC = ModelSpec(
    name="tickets",
    title="Which queue of a help desk a ticket belongs to",
    columns=(
        Text("subject", max_length=300, private=True, description="What the customer wrote as the subject."),
        Text("body", max_length=100_000, private=True, description="What the customer wrote."),
    ),
    target=Category(
        "queue",
        values=("account", "billing", "delivery", "product", "returns"),
        description="Who answers it.",
    ),
    ingest=Ingest(allow_one_class=True),  # all decisions since the last file may be of one queue
    quality=Quality(min_rows=200),
    metric=Metric("f1_macro", minimum=0.80, margin=0.0),
    hosting=Serverless(memory_mb=2048, max_concurrency=10),
    retrain=Retrain(debounce_seconds=60),
    training=Training(holdout=0.25),
    hyperparameters=(
        Hyperparameter("inverse_penalty", default=5.0, minimum=0.01, maximum=1000.0, scale="log"),
    ),
)
