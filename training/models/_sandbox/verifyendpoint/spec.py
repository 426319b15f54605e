"""Declaration of the sandbox model with a serverless endpoint.

`cli.verify.data` makes its data. One concurrent invocation is enough, and takes the least of the account's quota.
"""

from relearn.spec.model import Metric, ModelSpec, Number, Quality, Retrain, Serverless, Training

SPEC = ModelSpec(
    name="verifyendpoint",
    title="Sandbox of relearn verify: the weight of a parcel, on a serverless endpoint",
    columns=(Number("length", unit="cm", minimum=0, maximum=20, description="Length of a parcel."),),
    target=Number("weight", unit="kg", minimum=0, maximum=100, description="Weight of the parcel."),
    quality=Quality(min_rows=20),
    metric=Metric("r2", minimum=0.8),
    hosting=Serverless(memory_mb=2048, max_concurrency=1),
    retrain=Retrain(debounce_seconds=0),
    training=Training(volume_gb=5, max_runtime_seconds=1800),
)
