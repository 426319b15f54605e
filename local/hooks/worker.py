"""Preamble of a Python worker that restricts imports to what Lambda would have.

``local.hooks.functions`` reads it as text and inserts it into MiniStack's worker script.
"""


def _only_what_lambda_has() -> None:
    import importlib.abc  # noqa: PLC0415 - this text has no top of its own
    import importlib.machinery  # noqa: PLC0415
    import os  # noqa: PLC0415
    import sys  # noqa: PLC0415

    task = os.environ["LAMBDA_TASK_ROOT"]
    allowed = {*sys.stdlib_module_names, *os.environ.pop("_LAPTOP_MODULES").split(",")}

    class Only(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, ARG002
            # sysconfig's data module is part of the standard library but named after the build, so not in the list.
            if path is not None or name in allowed or name.startswith("_sysconfigdata_"):
                return None
            spec = importlib.machinery.PathFinder.find_spec(name, [task])
            if spec is None:
                raise ModuleNotFoundError(
                    f"No module named {name!r}: neither the function's code nor its layers hold it", name=name
                )
            return spec

    sys.meta_path.insert(0, Only())


_only_what_lambda_has()
