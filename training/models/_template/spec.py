"""Declaration of template-model: its input, its target and the metric it must reach."""

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
    # what a request contains, in order: Number, Category, Text, Boolean, DateTime (parts=("hour", "weekday"), zone="Asia/Tokyo"), Id
    columns=(
        Number("distance", unit="km", minimum=0, maximum=20_000, description="How far it goes."),
        Number("weight", unit="kg", minimum=0, maximum=1_000, optional=True, description="What it weighs."),
        Category("service", values=("economy", "standard", "express"), description="What was paid for."),
        Boolean("holiday", description="Whether a public holiday lies on the way."),
    ),
    target=Category("outcome", values=("on_time", "late")),  # a Number as target makes the model a regression
    quality=Quality(
        min_rows=50, max_missing={"weight": 0.5}, max_shift=0.5
    ),  # rules for the data of a run, checked before anything is paid for
    metric=Metric("f1_macro", minimum=0.70, margin=0.0),  # a version below the minimum never serves
    hosting=Serverless(memory_mb=2048, max_concurrency=10),
    retrain=Retrain(debounce_seconds=60),
    hyperparameters=(  # parameters of build(), and the range that an experiment may search
        Hyperparameter("inverse_penalty", default=1.0, minimum=0.01, maximum=100.0, scale="log"),
    ),
)
