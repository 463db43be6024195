"""What every program has in common."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = [
    path.relative_to(ROOT).as_posix()
    for folder in ("data", "inference", "scripts", "training")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "run(main)" in path.read_text(encoding="utf-8") and path.name != "benchmark.py"
]


def test_they_are_all_here():
    assert len(PROGRAMS) > 15 and {"training/train.py", "inference/web_app.py", "scripts/preprocess.py"} <= {*PROGRAMS}


@pytest.mark.parametrize("program", PROGRAMS)
def test_ctrl_c_is_one_line_from_the_first_import_on(program):
    _, first, *others = ast.parse((ROOT / program).read_text(encoding="utf-8")).body
    assert ast.unparse(first).startswith("if __name__ == '__main__':") and "before_imports(" in ast.unparse(first)
    assert "run(main)" in ast.unparse(others[-1])


@pytest.mark.parametrize("program", PROGRAMS)
def test_defaults_lie_in_the_project_wherever_it_is_started(program):
    """A path of ours that no `in_project` surrounds depends on the current folder."""
    tree = ast.parse((ROOT / program).read_text(encoding="utf-8"))
    surrounded = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "in_project"
        for argument in call.args
    }
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    ours = re.compile(r"(training|checkpoints|results|data|inference|scripts)/\S+")
    assert [text.value for text in texts if ours.fullmatch(text.value) and id(text) not in surrounded] == []
