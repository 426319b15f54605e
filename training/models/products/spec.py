"""Declaration of the products model: its raw table, its input, its target and the metric it must reach."""

from relearn.spec.model import (
    Category,
    DateTime,
    Hyperparameter,
    Id,
    Metric,
    ModelSpec,
    Quality,
    Ranking,
    Retrain,
    Serverless,
    Table,
    Training,
)

SPEC = ModelSpec(
    name="products",
    title="Products that a visitor of a shop may like",
    tables=(
        Table(
            "events",
            columns=(
                Id("visitor"),
                Id("product"),
                Category("event", values=("view", "cart", "purchase")),
                DateTime("at"),
            ),
            time="at",
            quality=Quality(min_rows=1000),
        ),
    ),
    entity="visitor",
    columns=(
        Id("visitor", optional=True, description="Whose; without, or of a stranger, what is popular."),
        Id("similar_to", optional=True, description="A product: the answer is the products most like it."),
    ),
    target=Ranking(
        "product", k=10, similar_to="similar_to", description="Products that the visitor has not met yet."
    ),
    metric=Metric("ndcg_at_k", minimum=0.10, margin=-0.02),
    hosting=Serverless(memory_mb=2048, max_concurrency=10),
    retrain=Retrain(debounce_seconds=60),
    training=Training(holdout=0.3),
    hyperparameters=(
        Hyperparameter("factors", default=32, minimum=2, maximum=256, scale="log"),
        Hyperparameter("regularization", default=20.0, minimum=0.01, maximum=1000.0, scale="log"),
        Hyperparameter("iterations", default=15, minimum=1, maximum=100),
        Hyperparameter("alpha", default=1.0, minimum=0.01, maximum=100.0, scale="log"),
    ),
)
