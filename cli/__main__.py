"""``python -m cli``, the same as the installed ``relearn``."""

from cli.main import app

app(prog_name="relearn")
