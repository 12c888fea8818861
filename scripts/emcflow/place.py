"""Where the files of the workflow are that are no modules: rules, scripts, the schema."""

from pathlib import Path

__all__ = ["checkout"]


def checkout() -> Path:
    """Return the folder of the Snakefile: that of the clone, or the copy in the wheel."""
    package = Path(__file__).resolve().parent
    installed = package / "checkout"  # see envs/wheel.py
    return installed if installed.exists() else package.parents[1]
