"""Measure what the project does against a named alternative, both in one run.

python scripts/benchmark.py preprocess
python scripts/benchmark.py speech
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from data.images import find_pictures, read_picture
from data.preprocessing import preprocess
from sign2sound.errors import UserError, run
from sign2sound.hand_model import find_hand_model


def benchmark_preprocess(args: argparse.Namespace) -> None:
    """Preprocessing on all cores against a plain loop in one process; each in a fresh process, its start included."""
    pictures = find_pictures(args.input)
    chosen = pictures.paths[:: max(1, len(pictures.paths) // args.images)][: args.images]
    find_hand_model()
    with tempfile.TemporaryDirectory() as folder:
        for path in chosen:
            copy = Path(folder, "pictures", path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(pictures.root / path, copy)
        root = Path(folder, "pictures")
        plain, ours = [], []
        for number in range(args.repeats):
            plain.append(_seconds(plain_loop, [str(root / path) for path in chosen]))
            ours.append(_seconds(preprocess, str(root), str(Path(folder, f"processed{number}"))))
    seconds = {
        "plain loop, 1 process": statistics.median(plain),
        f"preprocess, {os.cpu_count()} cores": statistics.median(ours),
    }
    print(f"{len(chosen)} images of {args.input}, median of {args.repeats}, start and all passes included")
    print(f"{'':<26}{'seconds':>9}{'images/s':>10}{'ratio':>7}")
    for name, value in seconds.items():
        print(f"{name:<26}{value:>9.1f}{len(chosen) / value:>10.1f}{seconds['plain loop, 1 process'] / value:>7.2f}")


def plain_loop(paths: list[str]) -> None:
    """What one would write first: one picture after another. It takes the same passes, so that both do the same work."""
    from sign2sound.landmarker import Landmarker  # MediaPipe: slow to import, a part of what is measured

    with Landmarker() as landmarker:
        found = sum(landmarker.find(read_picture(path))[0] is not None for path in paths)
    print(f"plain loop: hand found in {found} of {len(paths)}")


def benchmark_speech(args: argparse.Namespace) -> None:
    """Latency of a frame while a speaker speaks into a WAV file against silence, in turns, on the synthetic signer."""
    import numpy as np
    import torch

    from sign2sound import Recognizer, Speaker
    from sign2sound.signer import sign_word

    torch.set_num_threads(1)  # as the live demo does
    frames = [picture for picture, _ in sign_word("HI")]
    seconds = {"silent": [], "speaking": [], "silent again": []}  # the third shows how much chance there is in the ratio
    said = []
    now = 0.0
    with tempfile.TemporaryDirectory() as folder, Recognizer.load(args.model) as recognizer:
        with Speaker(output=Path(folder, "speech.wav")) as speaker:
            for turn in ["warm-up"] + args.rounds * list(seconds):
                durations = []
                for number, frame in enumerate(frames):
                    started = time.perf_counter()
                    if turn == "speaking" and number % 12 == 0:  # twice a second, faster than letters are signed
                        speaker.say("HELLO" if number == 0 else "A")
                        said.append(time.perf_counter() - started)
                    recognizer.read(frame, now)
                    now += 1 / 25
                    durations.append(time.perf_counter() - started)
                seconds.setdefault(turn, []).extend(durations)
                time.sleep(0.1)  # what was said is spoken
    del seconds["warm-up"]
    print(f"say() returns after {np.median(said) * 1e6:.0f} us, p95 {np.percentile(said, 95) * 1e6:.0f} us")
    print(f"{'':<16}{'p50 ms':>9}{'ratio':>7}{'p95 ms':>9}{'ratio':>7}    {args.rounds * len(frames)} frames each")
    silent = np.percentile(seconds["silent"], (50, 95)) * 1000
    for turn, durations in seconds.items():
        p50, p95 = np.percentile(durations, (50, 95)) * 1000
        print(f"{turn:<16}{p50:9.2f}{p50 / silent[0]:7.2f}{p95:9.2f}{p95 / silent[1]:7.2f}")


def _seconds(function: Callable, *args) -> float:
    """How long `function` takes in a process of its own."""
    start = time.perf_counter()
    process = multiprocessing.get_context("spawn").Process(target=function, args=args)
    process.start()
    process.join()
    if process.exitcode:
        raise UserError(f"{function.__name__} failed; its error stands above")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="WHAT")

    command = commands.add_parser("preprocess", help=benchmark_preprocess.__doc__)
    command.add_argument("--input", default="data/raw", metavar="DIR", help="folder of class folders; default: %(default)s")
    command.add_argument("--images", type=int, default=3000, metavar="N", help="how many of its pictures; default: %(default)s")
    command.add_argument("--repeats", type=int, default=3, metavar="N", help="default: %(default)s")
    command.set_defaults(command=benchmark_preprocess)

    command = commands.add_parser("speech", help=benchmark_speech.__doc__)
    command.add_argument("--model", default="checkpoints/best_model.pth", help="default: %(default)s")
    command.add_argument("--rounds", type=int, default=20, metavar="N", help="default: %(default)s")
    command.set_defaults(command=benchmark_speech)

    args = parser.parse_args()
    args.command(args)


if __name__ == "__main__":
    run(main)
