import subprocess
import sys
import time

import numpy as np
import pytest

from scripts.soak import growth, main, watch, write_playlist
from sign2sound.errors import UserError


def test_growth_leaves_the_start_out():
    minutes = np.arange(1, 31.0)
    megabytes = np.where(minutes <= 15, 100.0, 400 + 0.25 * minutes)
    assert growth(minutes, megabytes) == pytest.approx(0.25)


def test_the_memory_of_a_growing_process_is_seen():
    program = "import time\nkept = []\nwhile True:\n    kept.append(b'x' * 2**20)\n    time.sleep(0.02)"
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        time.sleep(0.2)
        try:
            minutes, megabytes = watch(process, 1 / 60)
        finally:
            process.kill()
    assert len(minutes) == 30 and growth(minutes, megabytes) > 500


def test_a_demo_that_ends_early_is_an_error():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        with pytest.raises(UserError, match="the demo ended after 0.0 min"):
            watch(process, 0.01)


def test_no_video(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["soak.py", "--video", str(tmp_path / "none.mp4")])
    with pytest.raises(UserError, match="no video at"):
        main()
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserError, match="text.mp4 is no video"):
        write_playlist(tmp_path, tmp_path / "text.mp4", 1)
