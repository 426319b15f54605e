"""SageMaker of the laptop cloud, which MiniStack lacks.

The state consists of plain JSON records in the shape of SageMaker's Describe answers. Requests are validated
against the SDK's service model, as AWS validates them. What AWS runs on instances runs here as processes: a
training job is the image's ``train`` command on an ``/opt/ml`` look-alike, an endpoint is its ``serve``
command.

- ``context``     shared by all modules: settings, state, images, pauses
- ``state``       the records, and pages of them
- ``model``       the SDK's service model: validates requests, shapes answers
- ``control``     one call: validate, authorize, dispatch; the table of operations
- ``access``      IAM actions and resources that a call needs
- ``http``        the wire protocol of control plane and invocations
- ``jobs``        the common part of training and transform jobs
- ``training``    training jobs as records; ``instance`` runs one; ``channels`` and ``checkpoints`` copy its
  files
- ``container``   command and environment of a container; ``pulling`` resolves its image
- ``archives``    unpacks a model's archive within limits
- ``logs``        a container's output in CloudWatch Logs, and the metrics in it
- ``transforms``  batch transform jobs as records; ``transform_run`` runs one; ``records`` splits its input
- ``tuning``      hyperparameter tuning by random search: ``ranges`` to draw from, ``trials`` to compare
- ``containers``  models and endpoint configurations; ``endpoints`` as records; ``hosting`` runs one
- ``invocation``  InvokeEndpoint
- ``scaled``      effects of Application Auto Scaling on an endpoint
- ``serving``     a container's ``serve`` command, for endpoints and transform jobs
- ``packages``    the model registry
- ``tags``        tags of all resources
- ``tasks``       the Step Functions integration
- ``errors``      SageMaker's error answers
"""
