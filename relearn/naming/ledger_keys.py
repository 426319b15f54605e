"""What the ledger's partition keys start with, beside those of models and predictions, and how their items end."""

from __future__ import annotations

IDEMPOTENCY = "IDEMPOTENCY#"
"""What the partition keys of kept answers start with; the rest is the model."""
EXPIRES_AT = "expires_at"
"""The ledger's attribute that says when an item may be deleted: seconds since 1970."""
LIVE = "LIVE#"
"""What the partition keys of what is counted while a candidate is tried start with; the rest is the model."""
FORMS = "FORM#"
"""What the partition keys of uploads' forms start with; the rest is the model."""
