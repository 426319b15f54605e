"""Declaration of the churn model: its raw tables, its input, its target and the metric it must reach."""

from relearn.spec.model import (
    Category,
    DateTime,
    Hyperparameter,
    Id,
    Ingest,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Quality,
    Reference,
    Retrain,
    Serverless,
    Table,
    Training,
)

HISTORY_DAYS, LABEL_DAYS = 90, 30
PLAN = Category("plan", values=("basic", "plus", "pro"), description="What the customer pays for.")
CHANNEL = Category(
    "channel", values=("search", "advert", "friend"), description="Where the customer came from."
)

SPEC = ModelSpec(
    name="churn",
    title="Will a customer leave in the next 30 days",
    tables=(
        Table(
            "customers",
            columns=(Id("customer_id"), DateTime("signed_up"), PLAN, CHANNEL),
            key="customer_id",
            time="signed_up",
            quality=Quality(min_rows=50, max_shift=0.5),
        ),
        Table(
            "events",
            columns=(
                Id("customer_id"),
                DateTime("at"),
                Category("kind", values=("visit", "purchase", "ticket", "payment_failed", "cancel")),
                Number("amount", unit="EUR", minimum=0, optional=True, description="Of a purchase."),
            ),
            time="at",
            quality=Quality(
                min_rows=100,
                max_missing={"amount": 0.99},  # only a purchase has an amount
                references=(Reference("customer_id", to="customers", max_orphans=0.0),),
                max_shift=0.5,
            ),
        ),
    ),
    moments=Monthly(table="events", history_days=HISTORY_DAYS, label_days=LABEL_DAYS),
    entity="customer_id",
    columns=(  # computed from the tables by features.py, and sent in a request
        Id("customer_id", optional=True, private=True, description="Whose; not needed for an answer."),
        PLAN,
        CHANNEL,
        Number("tenure_days", unit="days", minimum=0, description="Since the customer signed up."),
        Number("visits_30d", minimum=0, description="Visits in the last 30 days."),
        Number("visits_90d", minimum=0, description="Visits in the last 90 days."),
        Number(
            "days_since_visit", unit="days", minimum=0, optional=True, description="Since the last visit."
        ),
        Number("spend_90d", unit="EUR", minimum=0, description="Spent in the last 90 days."),
        Number("tickets_30d", minimum=0, description="Calls for help in the last 30 days."),
        Number("failed_payments_30d", minimum=0, description="Payments that failed in the last 30 days."),
    ),
    target=Category(
        "outcome", values=("stays", "leaves"), description="What the customer does in the next 30 days."
    ),
    quality=Quality(min_rows=100, max_missing={"days_since_visit": 0.9}, max_shift=0.5),
    metric=Metric("roc_auc", minimum=0.70, margin=0.0),
    hosting=Serverless(memory_mb=2048, max_concurrency=10),
    retrain=Retrain(debounce_seconds=60),
    ingest=Ingest(),
    training=Training(holdout=0.3),
    hyperparameters=(
        Hyperparameter("inverse_penalty", default=1.0, minimum=0.01, maximum=100.0, scale="log"),
    ),
)
