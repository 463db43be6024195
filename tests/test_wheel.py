"""The wheel outside the repository, installed with its own dependencies alone."""

import os
import re
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
reading = Recognizer.load().read_picture(picture)
installed = [name for name in ("torch", "pandas", "fastapi", "wordfreq") if importlib.util.find_spec(name)]
print(sign2sound.__file__, reading.label, *installed)
"""
LEARN = """
from sign2sound import Recognizer
Recognizer.load().model.check_adaptable()
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
    needed = {"best_model.onnx", "prototypes.npz", "labels.py", "py.typed"}
    assert {f"sign2sound/{name}" for name in needed} <= names
    assert {name.split("/")[0] for name in names} == {"sign2sound"}


def test_extras_need_nothing_that_the_wheel_lacks(wheel):
    """What stands in the repository only has its packages in requirements.txt."""
    (metadata,) = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA")]
    about = zipfile.ZipFile(wheel).read(metadata).decode()
    assert re.findall("^Provides-Extra: (.*)$", about, re.MULTILINE) == ["teach", "words"]


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Runs a program of an environment that holds the wheel and what it needs alone."""
    if hand_model._problem_with(hand_model.cached_path()):
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "install", "--disable-pip-version-check", "--only-binary=:all:")
    installed = run(*pip, wheel)
    if any(reason in installed.stderr for reason in NO_REGISTRY):
        pytest.skip(f"no package registry: {installed.stderr.splitlines()[-1]}")
    assert installed.returncode == 0, installed.stderr
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return lambda name, *arguments: run(programs / name, *arguments, cwd=folder, env=clean)


def test_in_an_empty_environment_it_reads_a_picture(environment):
    done = environment("python", "-c", READ_A_PICTURE)
    assert (done.returncode, done.stderr) == (0, "")
    where, letter, *heavy = done.stdout.split()
    assert "site-packages" in where and letter == "L" and heavy == []


def test_in_an_empty_environment_its_command_spells_and_reads(environment):
    for command in (("sign2sound",), ("python", "-m", "sign2sound")):
        spelled = environment(*command, "spell", "HI", "--output", "hi.mp4", "--speed", 2)
        assert spelled.stdout == "wrote hi.mp4; read it with: sign2sound read hi.mp4\n", spelled.stderr
        done = environment(*command, "read", "hi.mp4")
        assert done.stdout.splitlines()[-1:] == ["text: HI"], done.stderr


def test_in_an_empty_environment_it_says_what_learning_a_hand_needs(environment):
    done = environment("python", "-c", LEARN)
    assert "adapting to a hand needs more packages: python -m pip install torch onnx" in done.stderr
    done = environment("sign2sound", "read", "hi.mp4", "--model", "best_model.pth")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
