"""Declaration of the iris model: its input, its target and the metric it must reach."""

from relearn.spec.model import (
    Canary,
    Category,
    Hyperparameter,
    Metric,
    ModelSpec,
    Number,
    Quality,
    Retrain,
    Serverless,
    Training,
)

SPEC = ModelSpec(
    name="iris",
    title="Iris species from four flower measurements",
    columns=(
        Number("sepal_length", unit="cm", minimum=0, maximum=20, description="Length of a sepal."),
        Number("sepal_width", unit="cm", minimum=0, maximum=20, description="Width of a sepal."),
        Number("petal_length", unit="cm", minimum=0, maximum=20, description="Length of a petal."),
        Number("petal_width", unit="cm", minimum=0, maximum=20, description="Width of a petal."),
    ),
    target=Category(
        "species",
        values=("setosa", "versicolor", "virginica"),
        description="The species of iris.",
    ),
    quality=Quality(min_rows=30),
    metric=Metric("f1_macro", minimum=0.90, margin=0.0),
    hosting=Serverless(memory_mb=2048, max_concurrency=10),
    rollout=Canary(steps=(10, 50), bake_minutes=5),
    retrain=Retrain(debounce_seconds=60),
    training=Training(holdout=0.25),
    hyperparameters=(
        Hyperparameter("inverse_penalty", default=10.0, minimum=0.01, maximum=1000.0, scale="log"),
    ),
)
