"""Declaration of template-model: its raw tables, its input, its target and the metric it must reach."""

from relearn.spec.model import (
    Category,
    DateTime,
    Hyperparameter,
    Id,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Quality,
    Reference,
    Retrain,
    Serverless,
    Table,
)

SPEC = ModelSpec(
    name="template-model",
    title="Whether a customer buys within 30 days",  # one line for people
    tables=(  # raw tables; each is uploaded under its own name
        Table("customers", columns=(Id("customer_id"), DateTime("since")), key="customer_id", time="since"),
        Table(
            "orders",
            columns=(Id("customer_id"), DateTime("at"), Number("amount", unit="EUR", minimum=0)),
            time="at",
            quality=Quality(min_rows=10, references=(Reference("customer_id", to="customers"),)),
        ),
    ),
    entity="customer_id",  # the features describe customers
    moments=Monthly(table="orders", history_days=90, label_days=30),  # at the first of each month
    columns=(  # computed by features() in features.py, and sent in a request
        Id("customer_id", optional=True, private=True, description="Whose; not needed for an answer."),
        Number("orders_90d", minimum=0, description="Orders in the last 90 days."),
        Number("spent_90d", unit="EUR", minimum=0, description="Spent in the last 90 days."),
        Number("days_since_order", unit="days", minimum=0, optional=True, description="Since the last one."),
    ),
    target=Category("outcome", values=("nothing", "buys")),  # a Number as target makes the model a regression
    quality=Quality(max_missing={"days_since_order": 0.95}),  # rules for the features; a breach ends the run
    metric=Metric("roc_auc", minimum=0.65, margin=0.0),  # a version below the minimum never serves
    hosting=Serverless(memory_mb=2048, max_concurrency=10),
    retrain=Retrain(debounce_seconds=60),  # schedule="rate(1 day)" retrains at fixed times
    hyperparameters=(  # parameters of build(), and the range that an experiment may search
        Hyperparameter("inverse_penalty", default=1.0, minimum=0.01, maximum=100.0, scale="log"),
    ),
)
