"""The wheel outside the repository: installed with its own dependencies alone, it reads a picture."""

import os
import subprocess
import sys
import venv
import zipfile

import pytest

from sign2sound import hand_model

READ_A_PICTURE = """
import importlib.util
import sign2sound
from sign2sound import Recognizer
from sign2sound.signer import sign_word

picture = [frame for frame, _ in sign_word("L")][12]
with Recognizer.load() as recognizer:
    reading = recognizer.read_picture(picture)
installed = [name for name in ("torch", "pandas", "fastapi", "wordfreq") if importlib.util.find_spec(name)]
print(sign2sound.__file__, reading.label, *installed)
"""
NO_REGISTRY = ("No matching distribution", "NewConnectionError", "ConnectTimeoutError", "Temporary failure in name resolution")


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    pytest.importorskip("hatchling", reason="building the wheel needs hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "pip", "wheel", root, "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}")
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("sign2sound-*.whl")
    return file


def test_the_wheel_holds_the_library_and_the_released_model_alone(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    assert {"sign2sound/best_model.onnx", "sign2sound/prototypes.npz", "sign2sound/labels.py"} <= names
    assert {name.split("/")[0] for name in names} == {"sign2sound"}


def test_in_an_empty_environment_it_reads_a_picture(wheel, tmp_path):
    if hand_model._problem_with(hand_model.cached_path()):
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    installed = run(python, "-m", "pip", "install", "--disable-pip-version-check", "--only-binary=:all:", wheel)
    if any(reason in installed.stderr for reason in NO_REGISTRY):
        pytest.skip(f"no package registry: {installed.stderr.splitlines()[-1]}")
    assert installed.returncode == 0, installed.stderr
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = run(python, "-c", READ_A_PICTURE, cwd=tmp_path, env=clean)
    assert done.returncode == 0, done.stderr
    where, letter, *heavy = done.stdout.split()
    assert where.startswith(str(tmp_path)) and letter == "L" and heavy == []
