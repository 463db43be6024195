"""Imports run one way, and what is heavy loads only where it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = (
    "errors", "files", "labels", "hand", "pictures", "video_writer", "hand_model", "passes", "follower", "landmarker",
    "features", "protocol", "model", "checkpoint", "exported", "prototypes", "signer", "sources", "profile", "adapting",
    "recognizer", "speller", "words", "live", "speech", "command", "__main__",
)  # fmt: skip
MAY_IMPORT = {
    "data": {"sign2sound", "data"},
    "training": {"sign2sound", "data", "training"},
    "inference": {"sign2sound", "inference"},
    "examples": {"sign2sound"},
    "scripts": {"sign2sound", "data", "training", "scripts"},  # thin command lines, of what lives in these too
}
HEAVY = ("torch", "cv2", "mediapipe", "onnxruntime", "pandas")


def imported(path: Path, package: str) -> set[str]:
    """Full names of every module and name that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, (package if node.level else None, node.module)))
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def test_library_modules_import_only_to_their_left(root):
    modules = {path.stem: path for path in (root / "sign2sound").glob("*.py") if path.stem != "__init__"}
    assert set(modules) <= set(LIBRARY), "a new module needs its place in the order"
    for name, path in modules.items():
        for other in imported(path, "sign2sound"):
            package, *rest = other.split(".")
            assert package not in MAY_IMPORT, f"{path}: the library imports {other}"
            if package == "sign2sound":
                assert rest[0] in LIBRARY, f"{path}: import {other} from the module that holds it"
                assert LIBRARY.index(rest[0]) < LIBRARY.index(name), f"{path}: {rest[0]} stands right of {name}"


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_import_the_library_and_not_each_other(root, folder):
    files = sorted((root / folder).rglob("*.py"))
    assert files
    ours = {"sign2sound", *MAY_IMPORT}
    for path in files:
        for other in imported(path, ".".join(path.parent.relative_to(root).parts)):
            package = other.split(".")[0]
            assert package not in ours - MAY_IMPORT[folder], f"{path} imports {other}"


def test_nothing_reaches_for_its_neighbours_by_path(root):
    for folder in ("sign2sound", *MAY_IMPORT):
        for path in (root / folder).rglob("*.py"):
            assert "sys.path" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import sign2sound", ()),
        ("import sign2sound.speller", ()),
        ("from sign2sound import Hand, Speller, UserError", ()),
        ("import sign2sound.labels, sign2sound.features, sign2sound.hand_model", ()),
        ("from sign2sound import Live, Recognizer", ()),
        ("from sign2sound.follower import Follower", ()),
        ("from sign2sound import BrokenPicture", ("cv2",)),
        ("from sign2sound import Landmarker", ("cv2", "mediapipe")),
    ],
)
def test_heavy_modules_load_only_where_needed(statement, heavy):
    program = f"import sys\n{statement}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == list(heavy)


def test_the_public_names_are_listed_and_an_unknown_one_is_refused():
    import sign2sound

    assert {"Recognizer", "Speller", "Hand", "__version__"} <= set(dir(sign2sound))
    for_type_checkers = {name.rpartition(".")[2] for name in imported(Path(sign2sound.__file__), "sign2sound")}
    assert for_type_checkers == {*sign2sound.__all__, "import_module", "TYPE_CHECKING"}

    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        sign2sound.Recogniser  # noqa: B018
