"""What template-model takes, predicts and must reach."""

from relearn.spec.model import (
    Boolean,
    Category,
    Hyperparameter,
    Metric,
    ModelSpec,
    Number,
    Quality,
    Retrain,
    Serverless,
)

SPEC = ModelSpec(
    name="template-model",
    title="Whether a parcel arrives late",  # one line for people
    # what a caller sends, in order: Number, Category, Text, Boolean, DateTime (parts=("hour", "weekday"), zone="Asia/Tokyo"), Id
    columns=(
        Number("distance", unit="km", minimum=0, maximum=20_000, description="How far it goes."),
        Number("weight", unit="kg", minimum=0, maximum=1_000, optional=True, description="What it weighs."),
        Category("service", values=("economy", "standard", "express"), description="What was paid for."),
        Boolean("holiday", description="Whether a public holiday lies on the way."),
    ),
    target=Category("outcome", values=("on_time", "late")),  # a Number makes it a regression
    quality=Quality(
        min_rows=50, max_missing={"weight": 0.5}, max_shift=0.5
    ),  # of the data of a run, before it costs anything
    metric=Metric("f1_macro", minimum=0.70, margin=0.0),  # below the minimum nothing ever serves
    hosting=Serverless(memory_mb=2048, max_concurrency=10),
    retrain=Retrain(debounce_seconds=60),
    hyperparameters=(  # what build() takes, and where an experiment may search
        Hyperparameter("inverse_penalty", default=1.0, minimum=0.01, maximum=100.0, scale="log"),
    ),
)
