"""What an execution of the state machines carries from step to step: one dict, to which each step adds under its own key.

The definitions in `infra.workflow` name its values by `path`, so that a key which no step writes fails when the
app is synthesised; the functions in `lambdas.handlers` take it, and return what is under their key.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict, get_args, get_origin, get_type_hints, is_typeddict


class SparkRequest(TypedDict):
    """What the Glue job is started with: S3 URIs of the snapshot and of its output, the run's time, and its machines."""

    snapshot: str
    output: str
    now: str
    worker_type: str
    workers: int
    minutes: int


class DataVerdict(TypedDict):
    """Whether the data may be trained on; ``tables`` are those whose new uploads are given up."""

    verdict: Literal["train", "reject"]
    reason: str
    tables: list[str]


class GlueRun(TypedDict):
    """The id of the Glue job's run, and the state in which it ended."""

    run: str
    state: str


class Trained(TypedDict):
    """The S3 URI of the ``model.tar.gz`` that the training job left."""

    artifact: str


class Judgement(TypedDict):
    """Whether the candidate replaces the champion, and why."""

    verdict: Literal["promote", "reject"]
    reason: str


class Registered(TypedDict):
    """The version that was registered; a restore has its number alone.

    ``approval`` is ``"manual"`` when someone has to decide first, for which there are ``wait_seconds``.
    """

    version: int
    package_arn: NotRequired[str]
    approval: NotRequired[Literal["auto", "manual"]]
    wait_seconds: NotRequired[int]


class ApprovalQuestion(TypedDict):
    """What the step that asks for a decision is called with.

    ``token`` gives the decision back to Step Functions; ``entered`` and ``retry`` order the attempts of the step.
    """

    model: str
    version: int
    token: str
    entered: str
    retry: int


class Decided(TypedDict):
    """What was decided of a version, and the reason; ``"wait"``: nothing yet."""

    verdict: Literal["approve", "reject", "wait"]
    reason: str


class Deployed(TypedDict):
    """An endpoint's name, and its status as SageMaker has it: Creating or InService.

    While it is being created the next look comes after ``wait_seconds``; by then the looks have waited ``waited_seconds``.
    """

    name: str
    status: str
    wait_seconds: NotRequired[int]
    waited_seconds: NotRequired[int]


class SmokeTested(TypedDict):
    """How many predictions came back."""

    predictions: int


class Published(TypedDict):
    """How far the online features of ``rows`` entities are published.

    With the status ``"Publishing"`` the step is called again, and goes on at byte ``next`` of the file that ``etag`` names.
    """

    status: Literal["Publishing", "Published"]
    rows: int
    next: NotRequired[int]
    etag: NotRequired[str]


class RolloutStep(TypedDict):
    """The whole way of a candidate (``steps``), and the step of it that was begun.

    Of that step: its place, phase, share of requests in percent and limits; the ``revision`` of the route that it is counted
    under; when it began; seconds until it is looked at; and until when it lasts, also if too little was seen (``longest``;
    ISO 8601, UTC).
    """

    steps: list[dict[str, Any]]
    index: int
    phase: Literal["shadow", "canary", "promote"]
    weight: int
    limits: dict[str, Any] | None
    revision: int
    began: str
    wait_seconds: int
    until: str
    longest: NotRequired[str]


class Watched(TypedDict):
    """How a candidate did in its step; ``"wait"``: the step is not over.

    ``evidence`` of its harm goes into the next look, as `relearn.traffic.rollout_evidence.RolloutEvidence.as_dict` returns it.
    """

    verdict: Literal["pass", "wait", "breach"]
    reason: str
    evidence: NotRequired[dict[str, Any]]


class Promoted(TypedDict):
    """The route after a promotion."""

    champion: int
    previous: int
    revision: int


class Retired(TypedDict):
    """The versions whose endpoints and features were removed."""

    retired: list[int]


class Moved(TypedDict, total=False):
    """The revision of the route that names the version which was deployed again."""

    revision: int


class Caught(TypedDict):
    """An error as Step Functions hands it over."""

    Error: str
    Cause: NotRequired[str]


class RunContext(TypedDict):
    """The context. Every execution has the model and the run; the other keys are there once their step is done."""

    model: str
    run_id: str
    debounce_seconds: NotRequired[int]
    # from the step Open on, which replaces what was there
    proceed: NotRequired[bool]
    champion_version: NotRequired[int]
    job_name: NotRequired[str]
    hyperparameters: NotRequired[dict[str, str]]
    input_data_config: NotRequired[list[dict[str, Any]]]
    output_path: NotRequired[str]
    checkpoint_uri: NotRequired[str]
    resource_config: NotRequired[dict[str, Any]]
    stopping_condition: NotRequired[dict[str, int]]
    spark: NotRequired[SparkRequest]
    # one key a step
    data: NotRequired[DataVerdict]
    made: NotRequired[GlueRun]
    job: NotRequired[dict[str, Any]]
    training: NotRequired[Trained]
    judgement: NotRequired[Judgement]
    registration: NotRequired[Registered]
    approval: NotRequired[Decided]
    endpoint: NotRequired[Deployed]
    smoke: NotRequired[SmokeTested]
    published: NotRequired[Published]
    rollout: NotRequired[RolloutStep]
    watched: NotRequired[Watched]
    promotion: NotRequired[Promoted]
    retired: NotRequired[Retired]
    moved: NotRequired[Moved]
    # what was caught: by the failure branch, by steps that go on all the same, by the failure branch's own step
    error: NotRequired[Caught]
    ignored: NotRequired[Caught]
    refused: NotRequired[Caught]
    fail_error: NotRequired[Caught]


def path(*keys: str, value: str | None = None) -> str:
    """Give the JSONPath of a value of the context; without keys that of the whole.

    Parameters
    ----------
    *keys
        From the context inwards, e.g. ``"judgement", "verdict"``. Below what another service wrote every key is taken.
    value
        Text that is compared with what stands there.

    Raises
    ------
    KeyError
        No step writes such a key.
    ValueError
        What stands there is never this text.
    """
    shape: Any = RunContext
    for key in keys:
        if is_typeddict(shape):
            hints = get_type_hints(shape)
            if key not in hints:
                raise KeyError(f"{'.'.join(keys)}: got {key}; allowed: {', '.join(hints)}")
            shape = hints[key]
    if value is not None and get_origin(shape) is Literal and value not in (allowed := get_args(shape)):
        raise ValueError(f"{'.'.join(keys)}: got {value!r}; allowed: {', '.join(map(repr, allowed))}")
    return ".".join(("$", *keys))
