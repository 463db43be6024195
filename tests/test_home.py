"""Somebody else's home folder, or none: the programs go on without a profile and say so."""

import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from sign2sound import hand_model
from sign2sound.exported import RELEASED, OnnxModel
from sign2sound.profile import ADAPTED

NOBODY = 54_321  # a user whom the system does not know
# May read everything, so that Python and its packages can lie anywhere, and write nothing that is not its own.
AS_NOBODY = [
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
]  # fmt: skip


@pytest.fixture
def demo(root, tmp_path):
    """Runs the demo on two frames as a user without a name, and with nothing in the environment but what is given."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("needs root, who may become another user, and setpriv of util-linux")
    if subprocess.run([*AS_NOBODY, sys.executable, "-c", ""], capture_output=True).returncode:
        pytest.skip("no other user can run Python here")
    if not hand_model.cached_path().exists():
        pytest.skip("needs the hand landmark model: python -m sign2sound.hand_model")
    video = cv2.VideoWriter(str(tmp_path / "v.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25, (320, 240))
    for _ in range(2):
        video.write(np.full((240, 320, 3), 90, np.uint8))
    video.release()
    (tmp_path / "here").mkdir()
    os.chown(tmp_path / "here", NOBODY, NOBODY)

    def run(*arguments, **environment) -> subprocess.CompletedProcess:
        environment |= {"PATH": os.environ["PATH"], "SIGN2SOUND_HAND_MODEL": str(hand_model.cached_path())}
        program = [sys.executable, root / "inference" / "realtime_demo.py", "--headless", "--source", tmp_path / "v.mp4"]
        done = subprocess.run(
            [*AS_NOBODY, *program, *arguments], env=environment, cwd=tmp_path / "here", capture_output=True, text=True
        )
        assert list((tmp_path / "here").iterdir()) == []  # no folder named ~
        return done

    return run


@pytest.fixture
def profile(tmp_path):
    """A profile in a home that is another's."""
    path = tmp_path / "home" / ".local" / "share" / "sign2sound" / "profile.npz"
    path.parent.mkdir(parents=True)
    model = OnnxModel(RELEASED)
    weights = model.to_torch().state_dict()
    np.savez(path, format=2, model=model.fingerprint, **{name: weights[name].numpy() for name in ADAPTED})
    return path


def test_without_a_home_the_demo_says_so_and_reads(demo):
    done = demo()
    assert (done.returncode, done.stderr) == (0, "")
    assert "reading without your profile: this user has no home folder" in done.stdout and "2 frames" in done.stdout
    done = demo("--forget-profile")
    assert (done.returncode, done.stderr) == (2, "error: this user has no home folder, so no profile is kept; set HOME\n")


def test_in_somebody_else_s_home_a_profile_is_read_and_not_forgotten(demo, profile, tmp_path):
    done = demo(HOME=str(tmp_path / "home"))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"reading with your profile {profile}" in done.stdout
    done = demo("--forget-profile", HOME=str(tmp_path / "home"))
    assert done.returncode == 2 and "deleted" not in done.stdout
    assert done.stderr.startswith(f"error: {profile}: Permission denied; ") and done.stderr.count("\n") == 1
    assert profile.exists()
