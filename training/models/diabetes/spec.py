"""Declaration of the diabetes model: its input, its target and the metric it must reach."""

from relearn.spec.model import (
    Canary,
    Category,
    Hyperparameter,
    InLambda,
    Metric,
    ModelSpec,
    Number,
    Quality,
    Retrain,
    Training,
)

SPEC = ModelSpec(
    name="diabetes",
    title="Diabetes progression one year on, from ten baseline measurements",
    columns=(
        Number("age", unit="years", minimum=0, maximum=130, description="Age of the patient."),
        Category(
            "sex",
            values=("1", "2"),
            description="Sex as coded in the study, which does not say which code is which.",
        ),
        Number("bmi", unit="kg/m2", minimum=5, maximum=120, description="Body mass index."),
        Number("blood_pressure", unit="mmHg", minimum=20, maximum=300, description="Average blood pressure."),
        Number("cholesterol", unit="mg/dl", minimum=10, maximum=1500, description="Total serum cholesterol."),
        Number("ldl", unit="mg/dl", minimum=0, maximum=1000, description="Low-density lipoproteins."),
        Number("hdl", unit="mg/dl", minimum=1, maximum=300, description="High-density lipoproteins."),
        Number("cholesterol_ratio", minimum=0.5, maximum=50, description="Total cholesterol over HDL."),
        Number(
            "log_triglycerides",
            minimum=0,
            maximum=12,
            description="Natural logarithm of the serum triglycerides, mg/dl.",
        ),
        Number("glucose", unit="mg/dl", minimum=10, maximum=1500, description="Blood sugar."),
    ),
    target=Number(
        "progression",
        minimum=0,
        maximum=1000,
        description="Quantitative measure of disease progression one year after the baseline.",
    ),
    quality=Quality(min_rows=50),
    metric=Metric("rmse", maximum=65.0, margin=0.0),
    hosting=InLambda(),
    rollout=Canary(steps=(10, 50), bake_minutes=5),
    retrain=Retrain(debounce_seconds=60),
    training=Training(holdout=0.25),
    hyperparameters=(Hyperparameter("penalty", default=10.0, minimum=0.01, maximum=1000.0, scale="log"),),
)
