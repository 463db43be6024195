"""The landmark model file `hand_landmarker.task`: found, fetched, checked."""

import hashlib
import http.client
import os
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path
from typing import BinaryIO

from platformdirs import user_cache_path
from tqdm import tqdm

from sign2sound.errors import UserError
from sign2sound.files import atomic_write, in_home

ENVIRONMENT_VARIABLE = "SIGN2SOUND_HAND_MODEL"
OFFICIAL_URL = "https://storage.googleapis.com/mediapipe-models/hand_landmarker/hand_landmarker/float16/1/hand_landmarker.task"

# The two networks of the bundle: name in the bundle, sha256, and where the mediapipe 0.10.21 wheel keeps the same file.
_MEMBERS = (
    (
        "hand_detector.tflite",
        "1b14e9422c6ad006cde6581a46c8b90dd573c07ab7f3934b5589e7cea3f89a54",
        "mediapipe/modules/palm_detection/palm_detection_full.tflite",
    ),
    (
        "hand_landmarks_detector.tflite",
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
        "mediapipe/modules/hand_landmark/hand_landmark_full.tflite",
    ),
)
# The wheel is only opened as a zip, so one platform's serves all.
_PIP_DOWNLOAD = (
    "download", "mediapipe==0.10.21", "--no-deps", "--only-binary=:all:", "--platform=manylinux_2_28_x86_64",
    "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--disable-pip-version-check", "--retries=1",
)  # fmt: skip
_TIMEOUT = 20  # seconds without an answer


def cached_path() -> Path:
    """Where a fetched model file is kept for this user."""
    return in_home(user_cache_path, "the hand landmark model cannot be kept") / "hand_landmarker.task"


def find_hand_model(path: str | Path | None = None) -> Path:
    """A checked `hand_landmarker.task`: `path`, else $SIGN2SOUND_HAND_MODEL, else the user's cache, else fetched into it.

    Raises UserError when a named file is missing or not the expected one, or when no source can be reached; the message
    says what was tried and where to put the file by hand.
    """
    named = path or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        if problem := _problem_with(Path(named)):
            raise UserError(
                f"hand landmark model {named}: {problem}; expected MediaPipe's hand_landmarker.task (float16, version 1)"
            )
        return Path(named)

    target = cached_path()
    if _problem_with(target) is None:
        return target
    failures = []
    for source, fetch in (("MediaPipe's server", _fetch_official), ("pip", _fetch_from_wheel)):
        try:
            fetch(target)
        except (
            OSError,  # no network, refused, timed out, HTTP error status; a folder that can't be written, a full disk
            http.client.HTTPException,
            zipfile.BadZipFile,
            KeyError,
            ValueError,
        ) as error:
            failures.append(f"{source}: {' '.join(str(error).split())}")
        else:
            return target
    raise UserError(
        f"the hand landmark model could not be fetched ({'; '.join(failures)}); "
        f"download {OFFICIAL_URL} by hand and save it as {target}, or set ${ENVIRONMENT_VARIABLE} to its path"
    )


def _problem_with(file: Path | BinaryIO) -> str | None:
    """Why `file` is not a usable model file, or None when it is."""
    try:
        with zipfile.ZipFile(file) as bundle:
            for name, expected, _ in _MEMBERS:
                if hashlib.sha256(bundle.read(name)).hexdigest() != expected:
                    return f"{name} in it has another sha256 than {expected[:12]}…"
    except FileNotFoundError:
        return "no such file"
    except Exception as error:  # zipfile raises many kinds, by what is wrong with the bytes
        return f"not the expected zip ({error})"
    return None


def _fetch_official(target: Path) -> None:
    with urllib.request.urlopen(OFFICIAL_URL, timeout=_TIMEOUT) as response:
        size = int(response.headers.get("Content-Length", 0)) or None
        with atomic_write(target) as file, tqdm(total=size, unit="B", unit_scale=True, desc="hand landmark model") as bar:
            while block := response.read(1 << 16):
                file.write(block)
                bar.update(len(block))
            if problem := _problem_with(file):
                raise ValueError(problem)


def _fetch_from_wheel(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        print("hand landmark model: fetching it by pip, 36 MB …", file=sys.stderr, flush=True)
        command = [sys.executable, "-m", "pip", *_PIP_DOWNLOAD, f"--dest={folder}"]
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            raise OSError("no network, or no pip")
        (wheel,) = Path(folder).glob("*.whl")
        with atomic_write(target) as file:
            with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as bundle:
                for name, _, member in _MEMBERS:
                    bundle.writestr(zipfile.ZipInfo(name), source.read(member))
            if problem := _problem_with(file):
                raise ValueError(f"{wheel.name}: {problem}")


if __name__ == "__main__":
    from sign2sound.errors import run

    run(lambda: print(find_hand_model()))
