"""The fingerprint of code changes with what is computed, and with nothing else."""

import pytest
from emcflow import code_version as module
from emcflow.code_version import code_version

FILES = {
    "script.py": "from library.used import answer\nprint(answer())\n",
    "library/used.py": '"""Doc."""\nfrom library import deeper\n\nanswer = lambda: deeper.N\n',
    "library/deeper.py": "N = 1\n",
    "library/unused.py": "M = 1\n",
    "library/used.html.j2": "<p>",
}


def version(folder, **changed):
    """Write the files, some of them changed (by stem), and return the fingerprint."""
    for cached in (module._tree, module._imports, module._syntax):
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
