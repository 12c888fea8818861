"""What a wheel holds beside the package: the files that a run of the workflow reads."""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Files of the checkout that a run reads; in the wheel they are in the folder emcflow/checkout.
WORKFLOW = (
    "Snakefile",
    "rules/*.smk",
    "scripts/*.py",
    "config/*.yaml",
    "envs/environment.yaml",
    "profiles/*/config.yaml",
)


class CustomBuildHook(BuildHookInterface):
    """Adds the files of the workflow."""

    def initialize(self, version, build_data):
        """Name them to Hatch, which calls this before it writes a wheel."""
        root = Path(self.root)
        for path in (path for pattern in WORKFLOW for path in sorted(root.glob(pattern))):
            inside = f"emcflow/checkout/{path.relative_to(root).as_posix()}"
            build_data["force_include"][str(path)] = inside
