"""Classes of faults, and how often each struck."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

EVENTS = (
    *("event_duplicated", "event_delayed", "event_reordered", "event_lost", "two_within_a_second"),
    *("upload_during_a_run", "overwritten_before_read", "deleted_before_read", "odd_key", "folder_marker"),
    *("multipart", "own_output", "poison_message", "dead_letters_replayed", "dead_letters_replayed_twice"),
    *("status_event_lost", "two_names"),
)
DATA = (
    *("data_empty", "data_header_only", "column_missing", "column_renamed", "columns_reordered"),
    *("column_extra", "column_twice", "labels_null", "label_unknown", "one_class", "all_duplicates"),
    *("one_bad_row", "byte_order_mark", "crlf", "other_encoding", "nul_bytes", "ragged_rows"),
    *("parquet_named_csv", "gzip_bomb", "huge_file", "labels_flipped", "out_of_bounds", "labels_poisoned"),
    *("leakage", "too_few_of_a_class", "future_rows", "slow_files", "long_reasons"),
)
TRAINING = (
    *(
        "training_throttled",
        "training_limit",
        "training_reply_lost",
        "job_failed",
        "job_stopped_partial",
        "job_hung",
    ),
    *("metric_missing", "metric_nan", "report_of_another_snapshot", "champion_changed"),
    "champion_incomparable",
)
DEPLOY = (
    *("register_repeated", "artifact_tampered", "report_tampered", "tar_traversal", "tar_bomb"),
    "metadata_swapped",
    *("endpoint_failed", "endpoint_quota", "smoke_failed", "endpoint_vanished", "config_in_use"),
    "cleanup_partial",
)
APPROVAL = ("approval_by_two", "approval_unanswered", "approval_event_lost", "approval_overtaken")
SERVING = (
    *("model_error", "model_timeout", "model_throttled", "model_wrong_answer"),
    *("ledger_unreachable", "record_not_sent", "record_sent_twice"),
)
PROCESSES = (
    *("crash_before_a_call", "crash_after_a_call", "reply_lost", "call_throttled", "invoked_twice"),
    *("interleaved", "notification_lost", "kept_cloud_killed"),
)
GROUPS = {
    "events": EVENTS,
    "data": DATA,
    "training": TRAINING,
    "registry and deploy": DEPLOY,
    "approval": APPROVAL,
    "serving": SERVING,
    "processes": PROCESSES,
}
CLASSES = tuple(name for group in GROUPS.values() for name in group)


@dataclass
class Armed:
    """A fault that strikes after ``skip`` chances.

    Only in the given functions and calls when any are given.
    """

    name: str
    skip: int = 0
    workers: frozenset[str] = frozenset()
    operations: frozenset[str] = frozenset()

    def meets(self, name: str, worker: str, operation: str) -> bool:
        here = not self.workers or worker in self.workers
        return self.name == name and here and (not self.operations or operation in self.operations)


@dataclass
class Outage:
    """A fault that lasts; ``met`` when it has struck at least once."""

    name: str
    until: datetime
    met: bool = False


class Faults:
    """Armed faults and outages; consulted at every place where a fault can strike."""

    def __init__(self) -> None:
        self.armed: list[Armed] = []
        self.outages: list[Outage] = []
        self.hits: Counter[str] = Counter()
        self.stopped = False

    def arm(self, name: str, skip: int = 0, *workers: str, operation: str = "") -> None:
        """Let a fault strike at its next chance, or after ``skip`` chances.

        Raises
        ------
        ValueError
            When there is no such class of faults.
        """
        if name not in CLASSES:
            raise ValueError(f"fault: got {name!r}; allowed: {', '.join(CLASSES)}")
        self.armed.append(Armed(name, skip, frozenset(workers), frozenset([operation] if operation else [])))

    def strikes(self, name: str, worker: str = "", operation: str = "") -> bool:
        """Whether an armed fault strikes at this call; it then counts and is disarmed."""
        if self.stopped:
            return False
        for armed in self.armed:
            if armed.meets(name, worker, operation):
                if armed.skip:
                    armed.skip -= 1
                    return False
                self.armed.remove(armed)
                self.hit(name)
                return True
        return False

    def last(self, name: str, until: datetime) -> None:
        """Let a fault strike at every chance until a time.

        Raises
        ------
        ValueError
            When there is no such class of faults.
        """
        if name not in CLASSES:
            raise ValueError(f"fault: got {name!r}; allowed: {', '.join(CLASSES)}")
        self.outages.append(Outage(name, until))

    def lasts(self, name: str, now: datetime) -> bool:
        """Whether an outage is in effect; each outage counts once."""
        for outage in self.outages:
            if outage.name == name and now <= outage.until:
                if not outage.met:
                    outage.met = True
                    self.hit(name)
                return True
        return False

    def hit(self, name: str) -> None:
        """Count a fault that an action itself is, such as an upload of bad data.

        Raises
        ------
        ValueError
            When there is no such class of faults.
        """
        if name not in CLASSES:
            raise ValueError(f"fault: got {name!r}; allowed: {', '.join(CLASSES)}")
        self.hits[name] += 1

    def stop(self) -> None:
        """Disarm all faults and end all outages."""
        self.stopped = True
        self.armed.clear()
        self.outages.clear()
