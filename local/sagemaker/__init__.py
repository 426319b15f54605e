"""SageMaker for the laptop cloud: the service MiniStack lacks.

The state is plain JSON records in the shape of SageMaker's own Describe answers; requests are checked against
the SDK's service model, as AWS checks them. What AWS runs on its instances runs here as processes: a training
job is the image's ``train`` command on an ``/opt/ml`` look-alike, an endpoint is its ``serve`` command.

- ``context``     what every room shares: settings, state, images, clocks
- ``state``       the records, their names, their lists
- ``model``       the SDK's service model: checks requests, shapes answers
- ``control``     one call: check, authorise, dispatch; the operations' table
- ``access``      which IAM actions on which resources a call needs
- ``http``        SageMaker on the wire, control plane and invocations
- ``training``    training jobs as records; ``instance`` runs one; ``channels`` fetches and stores its files
- ``container``   how a container runs here; ``pulling`` fetches its image
- ``logs``        a container's output in CloudWatch Logs, and the metrics in it
- ``transforms``  batch transform jobs as records; ``transform_run`` runs one; ``records`` cuts its input
- ``tuning``      hyperparameter tuning by random search: ``ranges`` to draw from, ``trials`` to compare
- ``containers``  models and endpoint configurations; ``endpoints`` as records; ``hosting`` runs one
- ``scaled``      what being scaled means for an endpoint
- ``serving``     a container's ``serve`` command, for endpoints and transform jobs
- ``packages``    the model registry
- ``tags``        tags of all of them
"""
