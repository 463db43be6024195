"""Latency of a frame while a speaker speaks into a WAV file against silence, in turns, on the synthetic signer."""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from scripts.benchmarks.measuring import Part, Row
from sign2sound.errors import UserError

NEEDS = "espeak-ng"
MINUTES = 2


def check(arguments: argparse.Namespace) -> None:
    if not shutil.which("espeak-ng"):
        raise UserError("speech is spoken by espeak-ng, which is not installed")


def measure(arguments: argparse.Namespace) -> Part:
    from sign2sound import Recognizer, Speaker
    from sign2sound.signer import sign_word

    frames = [picture for picture, _ in sign_word("HI")]
    seconds = {"silent": [], "speaking": []}
    now = 0.0
    with tempfile.TemporaryDirectory() as folder, Recognizer.load() as recognizer:
        with Speaker(output=Path(folder, "speech.wav")) as speaker:
            for turn in ["warm-up"] + 5 * arguments.repeats * list(seconds):
                durations = []
                for number, frame in enumerate(frames):
                    started = time.perf_counter()
                    if turn == "speaking" and number % 12 == 0:  # twice a second, faster than letters are signed
                        speaker.say("HELLO" if number == 0 else "A")
                    recognizer.read(frame, now)
                    now += 1 / 25
                    durations.append(1000 * (time.perf_counter() - started))
                if turn in seconds:
                    seconds[turn].append(durations)
                time.sleep(0.1)  # what was said is spoken
    rows = []
    for percentile in (50, 95):
        speaking, silent = ([float(np.percentile(one, percentile)) for one in seconds[turn]] for turn in ("speaking", "silent"))
        rows.append(Row(f"a frame while it speaks, p{percentile}", "ms", speaking, "while it is silent", silent))
    return Part(rows)
