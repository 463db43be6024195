"""Images per second of scripts/preprocess.py, start and all passes included."""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from data.pictures import find_pictures
from scripts.benchmarks.measuring import Part, Row, command_done, in_process, seconds_of
from sign2sound.errors import UserError
from sign2sound.hand_model import find_hand_model
from sign2sound.pictures import read_picture

NEEDS = "--pictures: a folder of class folders, of which --images are taken; `pip install ai-edge-litert`"
MINUTES = 10


def check(arguments: argparse.Namespace) -> None:
    require_litert()
    try:
        find_pictures(arguments.pictures)
    except UserError as error:
        raise UserError(f"{error}; give --pictures") from error


def require_litert() -> None:
    if find_spec("ai_edge_litert") is None:
        raise UserError("the networks' own time is measured with TFLite: pip install ai-edge-litert")


def measure(arguments: argparse.Namespace) -> Part:
    pictures = find_pictures(arguments.pictures)
    chosen = pictures.paths[:: max(1, len(pictures.paths) // arguments.images)][: arguments.images]
    cores = os.cpu_count()
    plain, own = [], []
    rates, busy = {1: [], cores: []}, []
    with tempfile.TemporaryDirectory() as folder:
        root, processed = Path(folder, "pictures"), Path(folder, "processed")
        for path in chosen:
            copy = root / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(pictures.root / path, copy)
        for _ in range(arguments.repeats):
            own.append(network_seconds(cores))
            plain.append(len(chosen) / seconds_of(in_process, plain_loop, [str(root / path) for path in chosen]))
            for workers in rates:
                command = ["scripts/preprocess.py", "--input", root, "--output", processed, "--workers", workers, "--fresh"]
                done = command_done(*command)
                rates[workers].append(len(chosen) / done.seconds)
            busy.append(1000 * done.busy / len(chosen))
        report = json.loads((processed / "report.json").read_bytes())

    counts = [{key: value for key, value in entry.items() if key != "images"} for entry in report["classes"].values()]
    passes = [key for key in counts[0] if key != "missed"]
    hands = sum(entry[key] for entry in counts for key in passes)
    looks = sum(number * entry[key] for entry in counts for number, key in enumerate(passes, start=1))
    looks += sum(len(passes) * entry["missed"] for entry in counts)
    each = [(looks * palm + hands * landmarks) / len(chosen) for palm, landmarks in own]  # seconds of networks for a picture
    palm, landmarks = np.median(own, axis=0)
    networks = f"the two networks' own time ({1000 * palm:.1f} and {1000 * landmarks:.1f} ms, all cores at work)"
    loop = "a plain loop in one process, with the same passes"
    rows = [
        Row("one process", "images/s", rates[1], loop, plain),
        Row("all cores", "images/s", rates[cores], loop, plain),
        Row("all cores, of the limit", "images/s", rates[cores], f"{cores} cores ÷ {networks}", [cores / one for one in each]),
        Row("all cores, processor time of a picture", "ms", busy, networks, [1000 * one for one in each]),
    ]
    letters = [key for key in report["classes"] if key != "nothing"]
    asked = sum(report["classes"][key]["images"] for key in letters)
    missed = sum(report["classes"][key]["missed"] for key in letters)
    return Part(
        rows, f"{len(chosen)} pictures of {arguments.pictures}; hand found in {1 - missed / max(asked, 1):.1%} of the signs."
    )


def plain_loop(paths: list[str]) -> None:
    """What one would write first: one picture after another. It takes the same passes, so that both do the same work."""
    from sign2sound.landmarker import Landmarker

    with Landmarker() as landmarker:
        for path in paths:
            landmarker.find(read_picture(path))


def network_seconds(processes: int) -> tuple[float, float]:
    """Processor time of one run of the palm detector and of the landmark network, each on one thread of a bare TFLite
    interpreter, while as many processes do the same."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        medians = pool.map(_network_seconds, range(processes), chunksize=1)
    return tuple(np.mean(medians, axis=0).tolist())


def _network_seconds(_: int) -> list[float]:
    from ai_edge_litert.interpreter import Interpreter

    medians = []
    with zipfile.ZipFile(find_hand_model()) as bundle:
        for name in ("hand_detector.tflite", "hand_landmarks_detector.tflite"):
            interpreter = Interpreter(model_content=bundle.read(name), num_threads=1)
            interpreter.allocate_tensors()
            entry = interpreter.get_input_details()[0]
            interpreter.set_tensor(entry["index"], np.full(entry["shape"], 0.5, np.float32))
            medians.append(statistics.median(seconds_of(interpreter.invoke, clock=time.thread_time) for _ in range(200)))
    return medians
