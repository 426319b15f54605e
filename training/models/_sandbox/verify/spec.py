"""Declaration of the sandbox model that runs in Lambda.

`cli.verify.data` makes its data, in which a better version, a worse one and a broken file are certain. The
canary bears every difference between two versions but failed requests, so that only an error ends it.
"""

from relearn.spec.model import (
    Canary,
    Category,
    InLambda,
    Limits,
    Metric,
    ModelSpec,
    Number,
    Quality,
    Retrain,
    Training,
)

SPEC = ModelSpec(
    name="verify",
    title="Sandbox of relearn verify: classifies parcels by size, in Lambda",
    columns=(
        Number("length", unit="cm", minimum=0, maximum=20, description="Length of a parcel."),
        Number("width", unit="cm", minimum=0, maximum=20, description="Width of a parcel."),
    ),
    target=Category("size", values=("large", "small"), description="The size of the parcel."),
    quality=Quality(min_rows=20),
    metric=Metric("accuracy", minimum=0.8, margin=0.05),
    hosting=InLambda(memory_mb=1024),
    rollout=Canary(
        steps=(50,),
        bake_minutes=1,
        max_minutes=1,
        limits=Limits(requests=20, latency_ratio=100, shift=10, flips=10),
    ),
    retrain=Retrain(debounce_seconds=0),
    training=Training(volume_gb=5, max_runtime_seconds=1800),
)
