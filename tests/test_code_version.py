"""The fingerprint of code changes with what is computed, and with nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from emcflow.workflow import code_version as module
from emcflow.workflow.code_version import code_version

PACKAGE = Path(module.__file__).parents[1]
FILES = {
    "script.py": "from library.used import answer\nprint(answer())\n",
    "library/used.py": '"""Doc."""\nfrom library import (\n deeper\n)\nTYPE_CHECKING = False\n'
    "if TYPE_CHECKING:\n    from library.unused import M\n\nanswer = lambda: deeper.N\n",
    "library/deeper.py": "N = 1\n",
    "library/unused.py": "M = 1\n",
    "library/used.html.j2": "<p>",
}


def version(folder, **changed):
    """Write the files, some of them changed (by stem), and return the fingerprint."""
    for cached in (module._imports, module._compiled):
        cached.cache_clear()
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(changed.get(path.name.replace(".", "_"), text))
    return code_version(folder / "script.py")


@pytest.mark.parametrize(
    "changed",
    [
        {"script_py": "from library.used import answer\nprint(answer() + 1)\n"},
        {"used_py": "def answer():\n    return 2\n"},
        {"deeper_py": "N = 2\n"},
        {"deeper_py": "N = 1.0\n"},
        {"used_html_j2": "<b>"},
    ],
)
def test_a_change_of_reached_code_changes_the_version(tmp_path, changed):
    assert version(tmp_path, **changed) != version(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"unused_py": "M = 2\n"},
        {"deeper_py": "# a word\n\nN = 1  # another\n"},
        {"used_py": FILES["library/used.py"].replace("Doc.", "Other words.")},
    ],
)
def test_words_and_code_that_is_not_reached_do_not(tmp_path, changed):
    assert version(tmp_path, **changed) == version(tmp_path)


def test_the_version_is_the_same_in_every_process(tmp_path):
    version(tmp_path, deeper_py="N = 'a' in {'a', 'b', 'c', 'd'}\n")
    found = set()
    for seed in ("1", "2", "3"):  # sets of text have another order with each
        command = (
            "import sys; from emcflow.workflow.code_version import *; "
            "print(code_version(sys.argv[1]))"
        )
        run = subprocess.run(
            [sys.executable, "-c", command, tmp_path / "script.py"],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(module.__file__).parents[2])},
            capture_output=True,
            check=True,
            text=True,
        )
        found.add(run.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_compiled_functions_use_nothing_of_other_files(path):
    """Numba does not see a change of another file, and goes on with what it compiled before."""
    tree = ast.parse(path.read_text())
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("emcflow")
        for alias in node.names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
            if any(name.startswith(("njit", "compiled")) for name in decorators):
                used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
                used -= {*decorators}
                assert not used & imported, function.name
