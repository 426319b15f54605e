"""Lambda: permissions of the function's role, layers, code, workers and error types."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import lambda_svc, sqs

from local import principals
from local.hooks import resources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from local.forks import Fork, ForkServer
    from local.settings import ColdStarts

_SERVICE = "lambda.amazonaws.com"
_DIED = "Worker process died"
"""MiniStack's message when the process of a function ended before it answered."""
_LONGEST_SECONDS = 900  # Lambda's maximum duration of an invocation
EVENT_BYTES = 6_291_456
ASYNCHRONOUS_BYTES = 1_048_576
ANSWER_BYTES = 6_291_556
_LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")
_HIDDEN_SECONDS, _DEFAULT_TIMEOUT_SECONDS = 30, 3
"""Visibility timeout of a queue, and timeout of a function, where none is given."""
_POLLING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def poll_queues_with_the_functions_role() -> None:
    """Poll a queue for a function only when the function's role may read it.

    MiniStack polls every mapped queue without a role. AWS polls with the function's role, and receives
    nothing without ``sqs:ReceiveMessage``, ``sqs:DeleteMessage`` and ``sqs:GetQueueAttributes``.
    """
    mappings = lambda_svc._iter_all_esms

    def readable() -> Iterator[tuple[str, str, dict[str, Any]]]:
        for account, region, mapping in mappings():
            if ":sqs:" not in mapping.get("EventSourceArn", "") or _may_poll(mapping):
                yield account, region, mapping

    lambda_svc._iter_all_esms = readable


def _may_poll(mapping: dict[str, Any]) -> bool:
    function = lambda_svc._functions.get(mapping["FunctionName"])
    if function is None:
        return False
    role_arn, queue_arn = function["config"]["Role"], mapping["EventSourceArn"]
    return all(principals.role_allows(role_arn, _SERVICE, action, queue_arn) for action in _POLLING)


def require_queues_to_hide_messages_long_enough() -> None:
    """Refuse to map a queue to a function that may run longer than the queue hides a message.

    MiniStack maps any queue. CreateEventSourceMapping refuses it, in these words (Lambda Developer Guide, "Configuring a
    queue to use with Lambda"; github-aws-runners/terraform-aws-github-runner#465). A later change of the timeout is
    taken.
    """
    create = lambda_svc._create_esm

    def created(data: dict[str, Any]) -> Any:
        refusal = _hides_too_briefly(data)
        return (
            error_response_json("InvalidParameterValueException", refusal, 400) if refusal else create(data)
        )

    lambda_svc._create_esm = created
    resources.check("AWS::Lambda::EventSourceMapping", _hides_too_briefly)


def _hides_too_briefly(mapping: dict[str, Any]) -> str:
    """Return why a queue cannot be mapped; "" when it can, or the mapping is of no queue or function that is known."""
    source, name = mapping.get("EventSourceArn", ""), mapping.get("FunctionName", "")
    function = lambda_svc._functions.get(name.partition(":function:")[2].partition(":")[0] or name)
    if function is None or ":sqs:" not in source:
        return ""
    owner, queue = source.split(":")[4:6]
    attributes = [known["attributes"] for known in sqs._queues.values() if known["name"] == queue]
    hidden = (
        int(attributes[0].get("VisibilityTimeout", _HIDDEN_SECONDS))
        if attributes and owner
        else _HIDDEN_SECONDS
    )
    longest = int(function["config"].get("Timeout", _DEFAULT_TIMEOUT_SECONDS))
    if hidden >= longest:
        return ""
    return f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {longest} seconds"


def log_with_the_functions_role() -> None:
    """Write a function's log only when its role allows it.

    MiniStack always writes it. On AWS a function whose role lacks ``logs:CreateLogStream`` or
    ``logs:PutLogEvents`` runs, but its output is lost.
    """
    emit = lambda_svc._emit_lambda_logs

    def permitted(function: dict[str, Any], *arguments: Any, **keywords: Any) -> None:
        config = function.get("config") or function
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:new"
        if all(principals.role_allows(config["Role"], _SERVICE, action, stream) for action in _LOGGING):
            emit(function, *arguments, **keywords)

    lambda_svc._emit_lambda_logs = permitted


def leave_layers_to_the_virtual_environment() -> None:
    """Replace layers by the packages of the virtual environment, restricted to those that the layers hold.

    MiniStack unpacks a function's layers in front of the import path. Ours hold wheels for Lambda's Linux and
    Python; the virtual environment has the same pinned packages for this machine. MiniStack also lets a
    handler import everything that is installed here. On Lambda it can import the function's code, its layers
    and the runtime's boto3.
    """
    spawn = lambda_runtime.Worker._spawn

    def without_layers(worker: Any) -> None:
        given = vars(worker).setdefault("config_given", worker.config)  # a worker that died is spawned again
        held = {name for layer in given.get("Layers", []) for name in _modules(layer)}
        variables = given.get("Environment", {}).get("Variables", {})
        variables = {**variables, "_LAPTOP_MODULES": ",".join(sorted(SDK | held))}
        worker.config = {**given, "Layers": [], "Environment": {"Variables": variables}}
        spawn(worker)

    lambda_runtime.Worker._spawn = without_layers
    script, guard = lambda_runtime._PYTHON_WORKER_SCRIPT, Path(__file__).with_name("worker.py").read_text()
    started = "    sys.path.insert(0, code_dir)\n"
    _expect(started, script)
    begun = started + "    exec(_GUARD, {})\n"
    lambda_runtime._PYTHON_WORKER_SCRIPT = f"_GUARD = {guard!r}\n" + script.replace(started, begun)


def _modules(layer: Any) -> set[str]:
    """Return the top-level modules and packages of a layer."""
    content = lambda_svc._resolve_layer_zip(layer)
    if not content:
        return set()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        paths = [PurePosixPath(name).parts for name in archive.namelist()]
    return {parts[1].partition(".")[0] for parts in paths if len(parts) > 1 and parts[0] == "python"}


def _expect(text: str, script: str) -> None:
    if text not in script:
        raise RuntimeError(
            f"MiniStack's Python worker is not the one these hooks were written for: no {text!r} in it"
        )


SDK = frozenset({"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})
"""Top-level modules that Lambda's Python runtime has in addition to the standard library."""


def fork_workers(server: ForkServer) -> None:
    """Fork Python workers from a process that has imported the AWS SDK.

    MiniStack starts Python anew for every worker. Most of a cold start is the import of the SDK, which
    MiniStack does in every worker.
    """

    def popen(command: list[str], *, cwd: str, env: dict[str, str], **streams: Any) -> Any:
        if command[0] != sys.executable:
            return subprocess.Popen(command, cwd=cwd, env=env, **streams)
        return _piped(server, command, env, cwd)

    lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": popen})


def _piped(server: ForkServer, command: list[str], environment: dict[str, str], folder: str) -> Fork:
    """Fork a process whose three standard streams are text pipes."""
    (theirs, ours), (read, write), (read_errors, write_errors) = os.pipe(), os.pipe(), os.pipe()
    try:
        fork = server.fork(command, environment, folder, (theirs, write, write_errors))
    finally:
        for end in (theirs, write, write_errors):
            os.close(end)
    fork.stdin, fork.stdout = os.fdopen(ours, "w", buffering=1), os.fdopen(read)
    fork.stderr = os.fdopen(read_errors)
    return fork


def scale_to_zero(cold: ColdStarts | None) -> None:
    """Let environments that were idle go, and let each take seconds to start; None: they stay.

    MiniStack keeps the first environment of a function for ever, and starts it in a fraction of a second. Lambda stops
    idle environments after some minutes, and a new one runs the initialisation before its first invocation, which the
    function's timeout does not count (Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle").
    """
    if cold is None:
        return
    acquire, invoke = lambda_runtime.acquire_worker, lambda_runtime.Worker.invoke
    workers, lock = lambda_runtime._workers, lambda_runtime._lock

    def acquired(*given: Any, **more: Any) -> Any:
        with lock:
            over = time.time() - cold.idle_seconds
            gone = [
                one for found in workers.values() for one in found if not one.in_use and one.last_used <= over
            ]
            for found in workers.values():
                found[:] = [one for one in found if one not in gone]
        lambda_runtime.kill_workers(gone)
        return acquire(*given, **more)

    def started(worker: Any, *given: Any, **more: Any) -> Any:
        if worker._proc is None or worker._proc.poll() is not None:
            time.sleep(cold.function_seconds)
        try:
            return invoke(worker, *given, **more)
        finally:
            worker.last_used = time.time()

    lambda_runtime.acquire_worker = lambda_svc.acquire_worker = acquired
    lambda_runtime.Worker.invoke = started


def unpack_code_once(folder: Path) -> None:
    """Unpack a function's code once below `folder`, for all its workers, as they share ``/var/task`` on AWS.

    MiniStack unpacks the code for every worker, and each worker compiles it again.
    """
    lock = threading.Lock()

    class Shared(zipfile.ZipFile):
        def extractall(self, path: Any = None, *_: Any, **__: Any) -> None:
            content = Path(str(self.filename)).read_bytes()
            unpacked = folder / hashlib.sha256(content).hexdigest()
            with lock:
                if not unpacked.exists():
                    draft = unpacked.with_suffix(".draft")
                    super().extractall(draft)
                    draft.rename(unpacked)
            Path(path).rmdir()  # MiniStack has just made it
            Path(path).symlink_to(unpacked)

    folder.mkdir()
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": Shared})


def name_errors_by_their_type() -> None:
    """Report an exception that leaves a handler by its class, as Lambda does.

    MiniStack's worker reports each as ``Runtime.HandlerError``. On AWS ``errorType`` is the exception's class
    name, which Retry and Catch of Step Functions match, and ``stackTrace`` is included. A function whose process ends, as it
    does when its memory runs out, has ``Runtime.ExitError`` there.
    """
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    plain = '"error": str(e), "trace": traceback.format_exc()}'
    typed = plain[:-1] + ', "error_type": type(e).__name__}'
    _expect(plain, script)
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(plain, typed)
    invoke, execute = lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm
    last = threading.local()

    def remembered(worker: Any, *arguments: Any, **keywords: Any) -> Any:
        last.result = invoke(worker, *arguments, **keywords)
        return last.result

    def named(*arguments: Any) -> Any:
        last.result = {}
        outcome = execute(*arguments)
        if outcome.get("error") and "error_type" in last.result:
            trace = last.result.get("trace", "").splitlines(keepends=True)[1:-1]
            outcome["body"] |= {"errorType": last.result["error_type"], "stackTrace": trace}
        elif outcome.get("error") and last.result.get("error") == _DIED:
            outcome["body"] |= {"errorType": "Runtime.ExitError"}
        return outcome

    lambda_runtime.Worker.invoke, lambda_svc._execute_function_warm = remembered, named


def limit_payloads() -> None:
    """Refuse an event, and fail an answer, that is larger than Lambda takes.

    MiniStack passes any size. Lambda takes 6 MB of a synchronous invocation and 1 MB of an asynchronous one, and an
    answer of 6 MB; a larger answer is lost, and the invocation ends with ``Function.ResponseSizeTooLarge`` (Lambda
    Developer Guide, "Lambda quotas").
    """
    invoke, execute = lambda_svc._invoke, lambda_svc._execute_function_warm

    async def limited(name: str, event: Any, headers: Mapping[str, str], *rest: Any) -> Any:
        kind = next(
            (v for key, v in headers.items() if key.lower() == "x-amz-invocation-type"), "RequestResponse"
        )
        most = ASYNCHRONOUS_BYTES if kind == "Event" else EVENT_BYTES
        if (size := _bytes(event)) > most:
            refusal = f"{size} byte payload is too large for the {kind} invocation type (limit {most} bytes)"
            return error_response_json(
                "RequestTooLargeException", refusal, HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
        return await invoke(name, event, headers, *rest)

    def measured(*arguments: Any) -> Any:
        outcome = execute(*arguments)
        if outcome.get("error") or _bytes(outcome.get("body")) <= ANSWER_BYTES:
            return outcome
        said = f"Response payload size exceeded maximum allowed payload size ({ANSWER_BYTES} bytes)."
        return {
            "body": {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": said},
            "error": True,
            "log": "\n".join((outcome.get("log", ""), said)),
        }

    lambda_svc._invoke, lambda_svc._execute_function_warm = limited, measured


def _bytes(value: Any) -> int:
    """Return the size of a value as the runtime writes it, in bytes."""
    return len(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))


def let_invocations_end_before_their_worker_goes() -> None:
    """Let running invocations finish when a function's code or configuration is replaced, as Lambda does.

    MiniStack kills the function's workers at once, so the callers of running invocations get an error that
    the worker process died.
    """
    workers, lock, kill = lambda_runtime._workers, lambda_runtime._lock, lambda_runtime.kill_workers
    invalidate = lambda_svc.invalidate_worker

    def patient(func_name: str, *rest: Any, **which: Any) -> None:
        with lock:
            busy = [
                (key, worker)
                for key, found in workers.items()
                if func_name in key.split(":")
                for worker in found
                if worker.in_use
            ]
            for key, worker in busy:  # removed from the pool: neither reused nor killed
                workers[key].remove(worker)
        invalidate(func_name, *rest, **which)
        if busy:
            threading.Thread(
                target=_end, args=([worker for _, worker in busy], kill), daemon=True, name=f"end-{func_name}"
            ).start()

    lambda_svc.invalidate_worker = patient


def _end(workers: list[Any], kill: Callable[[list[Any]], None]) -> None:
    """Kill workers once their invocations have finished, at the latest after Lambda's maximum duration."""
    over = time.monotonic() + _LONGEST_SECONDS
    while any(worker.in_use for worker in workers) and time.monotonic() < over:
        time.sleep(0.1)
    kill(workers)
