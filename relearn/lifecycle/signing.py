"""How long presigned links and forms hold, and how long the credentials that sign them do.

A link ends with the temporary credentials that signed it, whatever end it was asked for: "Download and upload objects with
presigned URLs" in the Amazon S3 User Guide. So a link is promised no longer than its credentials are known to last.
"""

from __future__ import annotations

from datetime import datetime, timedelta

SECONDS = 45 * 60
"""Life of a link or form, in seconds. Less than `SESSION_SECONDS`, so that the credentials sign many links."""
SESSION_SECONDS = 3600
"""Life of the credentials that sign, in seconds: the most that AWS gives to a role that assumes another ("Role chaining" in
"Methods to assume a role" of the IAM User Guide; AssumeRole, ``DurationSeconds``, in the AWS STS API Reference)."""
MARGIN = timedelta(seconds=60)
"""Time before the end of the credentials at which a link is said to end, because the clocks of AWS STS, Amazon S3 and the
function differ."""


def can_sign(credentials_end: datetime, seconds: int, now: datetime) -> bool:
    """Return whether credentials last as long as a link of this life.

    Parameters
    ----------
    credentials_end
        End of the credentials, as AWS STS says; time-zone aware.
    seconds
        Life of the link, in seconds.
    now
        Current time, time-zone aware.
    """
    return credentials_end - MARGIN >= now + timedelta(seconds=seconds)


def ends_at(credentials_end: datetime, seconds: int, now: datetime) -> datetime:
    """Return the end of a link: after ``seconds``, or earlier, with its credentials.

    It is a whole second and never later than the end that the signature has, because a signature has the second in which it
    is made.

    Parameters
    ----------
    credentials_end
        End of the credentials, as AWS STS says; time-zone aware.
    seconds
        Life of the link, in seconds.
    now
        Current time, time-zone aware; the link is signed at this time or later.
    """
    return min(now + timedelta(seconds=seconds), credentials_end - MARGIN).replace(microsecond=0)
