"""Run the headless demo for long and see whether its memory grows: python scripts/soak.py --video clip.mp4 --minutes 30

The video is played again and again as one stream: frames -> hand -> letters -> words -> annotated video. Exit status 1 where
the memory still grows faster than BOUND in the second half of the time.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sign2sound.errors import UserError, run
from sign2sound.files import in_project
from sign2sound.pictures import Video

BOUND = 0.5  # MB per minute; the latency of every frame, which is kept on purpose, takes 0.1
SAMPLES = 30  # in the whole run
FASTEST = 100  # frames/s that a machine may reach


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        playlist = write_playlist(Path(folder), arguments.video, arguments.minutes)
        command = [sys.executable, in_project("inference/realtime_demo.py"), "--headless", "--source", str(playlist)]
        report = Path(folder, "report.json")
        command += ["--output", str(Path(folder, "annotated.mp4")), "--report", str(report)]
        demo = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            minutes, megabytes = watch(demo, arguments.minutes)
        finally:
            demo.terminate()  # not Ctrl-C's signal, which a program started in the background ignores
            demo.wait()
        if not report.is_file():
            raise UserError(f"the demo had not begun after {arguments.minutes:g} min; give it more --minutes")
        done = json.loads(report.read_bytes())
    total = done["latency_ms"]["total"]
    rate = f"{done['frames']} frames, {done['frames_per_second']:.1f} frames/s"
    print(f"{rate}, {total['p50']:.1f} ms each, p99 {total['p99']:.1f} ms")
    print(f"text: … {done['text'][-80:]}")
    slope = growth(minutes, megabytes)
    print(f"in the second half the memory grows by {slope:+.3f} MB/min; at most {BOUND} MB/min are right")
    if slope > BOUND:
        sys.exit(1)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the headless demo for long and see whether its memory grows.")
    parser.add_argument("--video", type=Path, required=True, help="an .mp4, played again and again")
    parser.add_argument("--minutes", type=float, default=30, help="default: %(default)s")
    arguments = parser.parse_args()
    if not arguments.video.is_file():
        raise UserError(
            f"no video at {arguments.video}; the demo leaves one: inference/realtime_demo.py --headless --source sample"
        )
    return arguments


def write_playlist(folder: Path, video: Path, minutes: float) -> Path:
    """A file that FFmpeg, within OpenCV, plays as one long video."""
    (folder / "video.mp4").write_bytes(video.read_bytes())
    playlist = folder / "playlist.ffconcat"
    with Video(video) as opened:
        frames = sum(1 for _ in opened)
    times = math.ceil(minutes * 60 * FASTEST / frames)
    playlist.write_text("ffconcat version 1.0\n" + "file video.mp4\n" * times)
    return playlist


def watch(demo: subprocess.Popen, minutes: float) -> tuple[np.ndarray, np.ndarray]:
    """Minutes since the start and the demo's resident megabytes, SAMPLES of each, printed as they come."""
    started = time.monotonic()
    print(f"{'minute':>8}{'MB':>9}", flush=True)
    samples = []
    for number in range(1, SAMPLES + 1):
        time.sleep(max(0.0, started + number * minutes * 60 / SAMPLES - time.monotonic()))
        if demo.poll() is not None:
            raise UserError(f"the demo ended after {samples[-1][0] if samples else 0:.1f} min; run it on its own to see why")
        megabytes = int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(demo.pid)])) / 1024
        samples.append(((time.monotonic() - started) / 60, megabytes))
        print(f"{samples[-1][0]:8.1f}{megabytes:9.1f}", flush=True)
    return tuple(np.array(samples).T)


def growth(minutes: np.ndarray, megabytes: np.ndarray) -> float:
    """Megabytes per minute of the line through the samples of the second half: the first has all that is done once."""
    after = minutes > minutes[-1] / 2
    return float(np.polyfit(minutes[after], megabytes[after], 1)[0])


if __name__ == "__main__":
    run(main)
