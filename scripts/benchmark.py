"""Measure what the project does, each time against a named alternative in the same run.

python scripts/benchmark.py                       all of it, which takes about an hour; the machine should do nothing else
python scripts/benchmark.py live startup          parts of it; those measured before stay in the table
python scripts/benchmark.py --output results/benchmark.md
"""

import argparse
import json
import multiprocessing
import os
import platform
import re
import shlex
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

from data.pictures import find_pictures
from sign2sound.errors import UserError, run
from sign2sound.exported import RELEASED
from sign2sound.files import output_file
from sign2sound.hand_model import find_hand_model
from sign2sound.labels import LABELS
from sign2sound.pictures import Video, read_picture
from training.report import markdown_table, write_report

DEMO = "inference/realtime_demo.py"
SIZES = ((640, 360), (1280, 720))
PERCENTILES = ("p50", "p95", "p99")
LETTERS = 4  # videos that the live part joins
PACKAGES = ("torch", "mediapipe", "onnxruntime", "numpy", "opencv-contrib-python")

# The training of the project that this one follows: 25 epochs in 40 minutes on an RTX 3050.
WORKLOAD, WORKLOAD_EPOCHS, WORKLOAD_BATCH = 156_050, 25, 16
FREE_BATCH = 1024
PART = 5  # a fifth of the samples is timed, in an epoch after the first
GOAL = 0.9794  # validation accuracy of its released model, on frames drawn at random
KAGGLE = ("--config", "training/kaggle.yaml")  # its protocol


@dataclass(frozen=True)
class Row:
    """One line of the table: values and reference are measured in turns, one of each per repeat."""

    what: str
    unit: str
    values: list[float]
    against: str
    reference: list[float]

    def cells(self) -> list[str]:
        ratio = statistics.median(self.values) / statistics.median(self.reference)
        return [
            self.what,
            f"{_figure(statistics.median(self.values))} {self.unit}",
            _spread(self.values),
            self.against,
            f"{_figure(statistics.median(self.reference))} {self.unit}",
            _spread(self.reference),
            f"{ratio:.2f}",
        ]


@dataclass(frozen=True)
class Part:
    """What one part of the benchmark gave; notes are Markdown."""

    rows: list[Row]
    notes: str = ""


@dataclass(frozen=True)
class Done:
    """A command that ended: how long it took, how long it kept processors busy, and the largest memory of one of its
    processes."""

    seconds: float
    busy: float
    megabytes: float


def main() -> None:
    arguments = parse_arguments()
    report = arguments.output.with_suffix(".json")
    parts = json.loads(report.read_bytes()) if report.is_file() else {}
    for name in [part for part in PARTS if part in (arguments.parts or PARTS)]:
        print(f"{name} …", flush=True)
        load = os.getloadavg()[0]
        part = PARTS[name](arguments)
        parts[name] = {
            "machine": machine(),
            "date": date.today().isoformat(),
            "load": round(load, 2),
            "command": f"python {shlex.join(sys.argv)}",
            **asdict(part),
        }
        print(table(part), flush=True)
        write_report(arguments.output, parts, markdown({name: parts[name] for name in PARTS if name in parts}))
    print(f"wrote {arguments.output} and {report}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--output",
        type=output_file,
        default="results/run/benchmark.md",
        help="the table; .json beside it (default: %(default)s)",
    )
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default: %(default)s)")
    parser.add_argument("--model", type=Path, default="checkpoints/best_model.pth", help="checkpoint (default: %(default)s)")
    parser.add_argument(
        "--pictures", type=Path, default="data/raw", help="preprocess: folder of class folders (default: %(default)s)"
    )
    parser.add_argument("--images", type=int, default=1000, help="preprocess: how many of them (default: %(default)s)")
    parser.add_argument(
        "--videos", type=Path, default="videos", help=f"live: folder, of which {LETTERS} .mp4 are joined (default: %(default)s)"
    )
    parser.add_argument(
        "--landmarks", type=Path, default="landmarks/kaggle.npz", help="train: stills of the Kaggle set (default: %(default)s)"
    )
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.parts) - set(PARTS)):
        raise UserError(f"no part {', '.join(unknown)}; expected some of {', '.join(PARTS)}")
    return arguments


# Preprocessing


def measure_preprocess(arguments: argparse.Namespace) -> Part:
    """Images per second of scripts/preprocess.py, start and all passes included."""
    pictures = find_pictures(arguments.pictures)
    chosen = pictures.paths[:: max(1, len(pictures.paths) // arguments.images)][: arguments.images]
    cores = os.cpu_count()
    rates: dict[object, list[float]] = {"plain": []} | {workers: [] for workers in sorted({1, cores})}
    with tempfile.TemporaryDirectory() as folder:
        root, processed = Path(folder, "pictures"), Path(folder, "processed")
        for path in chosen:
            copy = root / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(pictures.root / path, copy)
        for _ in range(arguments.repeats):
            started = time.perf_counter()
            in_process(plain_loop, [str(root / path) for path in chosen])
            rates["plain"].append(len(chosen) / (time.perf_counter() - started))
            for workers in sorted({1, cores}):
                command = ["scripts/preprocess.py", "--input", root, "--output", processed, "--workers", workers, "--fresh"]
                rates[workers].append(len(chosen) / command_done(*command).seconds)
        report = json.loads((processed / "report.json").read_bytes())

    plain = "a plain loop in one process, with the same passes"
    rows = [Row(f"--workers {workers}", "images/s", rates[workers], plain, rates["plain"]) for workers in sorted({1, cores})]
    counts = [{key: value for key, value in entry.items() if key != "images"} for entry in report["classes"].values()]
    passes = [key for key in counts[0] if key != "missed"]
    hands = sum(entry[key] for entry in counts for key in passes)
    looks = sum(number * entry[key] for entry in counts for number, key in enumerate(passes, start=1))
    looks += sum(len(passes) * entry["missed"] for entry in counts)
    palm, landmarks = in_process(network_seconds)
    limit = cores * len(chosen) / (looks * palm + hands * landmarks)
    what = f"the limit: {cores} cores ÷ the two networks' own time ({1000 * palm:.1f} and {1000 * landmarks:.1f} ms)"
    rows.append(Row(f"--workers {cores}", "images/s", rates[cores], what, [limit]))
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


def network_seconds() -> tuple[float, float]:
    """One run of the palm detector and of the landmark network, on one thread, by a bare TFLite interpreter."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise UserError("the limit of preprocessing is measured with TFLite; pip install ai-edge-litert") from error
    medians = []
    with zipfile.ZipFile(find_hand_model()) as bundle:
        for name in ("hand_detector.tflite", "hand_landmarks_detector.tflite"):
            interpreter = Interpreter(model_content=bundle.read(name), num_threads=1)
            interpreter.allocate_tensors()
            entry = interpreter.get_input_details()[0]
            interpreter.set_tensor(entry["index"], np.full(entry["shape"], 0.5, np.float32))
            medians.append(statistics.median(_seconds(interpreter.invoke) for _ in range(200)))
    return medians[0], medians[1]


# Live use


def measure_live(arguments: argparse.Namespace) -> Part:
    """Milliseconds per frame of the demo without a window, by stage, against MediaPipe's video mode alone."""
    videos = sorted(arguments.videos.glob("*.mp4"))[:LETTERS]
    if not videos:
        raise UserError(f"no .mp4 file in {arguments.videos}; give --videos a folder of videos of letters")
    forms = {"ONNX": RELEASED, "checkpoint": arguments.model}
    rows, stage_rows = [], []
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            video = join_videos(videos, Path(folder, f"{height}.mp4"), (width, height))
            alone, demos = [], {form: [] for form in forms}
            for _ in range(arguments.repeats):
                alone.append(in_process(mediapipe_alone, str(video)))
                for form, model in forms.items():
                    report = Path(folder, "report.json")
                    command_done(DEMO, "--headless", "--source", video, "--model", model, "--report", report)
                    stages = json.loads(report.read_bytes())["latency_ms"]
                    stages["all but capture"] = {key: stages["total"][key] - stages["capture"][key] for key in PERCENTILES}
                    demos[form].append(stages)
            size = f"{width}×{height}"
            stage_rows.append([f"{size}, MediaPipe's video mode alone", "", *_medians(alone)])
            for form, runs in demos.items():
                for percentile in PERCENTILES:
                    rows.append(
                        Row(
                            f"{size}, {form}, {percentile}",
                            "ms",
                            [stages["all but capture"][percentile] for stages in runs],
                            "MediaPipe's video mode alone",
                            [one[percentile] for one in alone],
                        )
                    )
                for stage in ("landmarks", "features+model", "text", "all but capture"):
                    stage_rows.append([f"{size}, {form}", stage, *_medians([stages[stage] for stages in runs])])
                rest = statistics.median(
                    run["all but capture"]["p50"] - one["p50"] for run, one in zip(runs, alone, strict=True)
                )
                stage_rows.append([f"{size}, {form}", "everything but MediaPipe", f"{rest:.2f}", "", ""])
    stage_table = markdown_table(["milliseconds", "stage", *PERCENTILES], stage_rows, "llrrr")
    return Part(rows, "\n".join([f"{len(videos)} videos of {arguments.videos}, joined.", "", *stage_table]))


def join_videos(paths: list[Path], output: Path, size: tuple[int, int]) -> Path:
    import cv2

    writer = cv2.VideoWriter(str(output), cv2.VideoWriter_fourcc(*"mp4v"), 30, size)
    for path in paths:
        with Video(path) as video:
            for picture, _ in video:
                writer.write(cv2.resize(picture[..., ::-1], size, interpolation=cv2.INTER_AREA))
    writer.release()
    return output


def mediapipe_alone(video: str) -> dict[str, float]:
    """Milliseconds per frame of MediaPipe's video mode with its default options, reading the file not counted."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.HandLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(find_hand_model())), running_mode=vision.RunningMode.VIDEO
    )
    seconds = []
    with Video(video) as frames, vision.HandLandmarker.create_from_options(options) as landmarker:
        for picture, time in frames:
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=picture)
            seconds.append(_seconds(landmarker.detect_for_video, image, round(1000 * time)))
    return dict(zip(PERCENTILES, 1000 * np.percentile(seconds, (50, 95, 99)), strict=True))


# Training


def measure_train(arguments: argparse.Namespace) -> Part:
    """The workload of the project that this one follows, and how soon its accuracy is reached."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "workload.npz")
        stills = write_workload(arguments.landmarks, data)
        seconds = {batch: [] for batch in (WORKLOAD_BATCH, FREE_BATCH)}
        plain, reached, memory = [], [], {}
        for repeat in range(arguments.repeats):
            plain.append(WORKLOAD / in_process(plain_training, str(data), 300))
            for batch in seconds:
                options = [f"batch_size={batch}", "epochs=2", "epoch_batches=1", "sequences.share=0"]
                options += ["data.split=random", "data.validation_share=0.01", "precision=auto"]
                history, peak = train(Path(folder, f"{batch}-{repeat}"), f"data.paths=[{data}]", *options)
                seconds[batch].append(PART * (history[1]["seconds"] - history[0]["seconds"]))
                memory[f"batch {batch}"] = peak
            kaggle = train(Path(folder, f"kaggle-{repeat}"), *KAGGLE, f"data.paths=[{arguments.landmarks}]")
            history, memory["the Kaggle recipe"] = kaggle
            reached.append(next((row["seconds"] for row in history if row["validation_accuracy"] >= GOAL), float("inf")))
            last = history[-1]
    loop = f"a plain PyTorch loop with a DataLoader, batch {WORKLOAD_BATCH}, without augmentation"
    rows = [
        Row(
            f"{WORKLOAD:,} samples, {WORKLOAD_EPOCHS} epochs, batch {batch}, from an epoch of a fifth",
            "s",
            [WORKLOAD_EPOCHS * value for value in values],
            loop,
            [WORKLOAD_EPOCHS * value for value in plain],
        )
        for batch, values in seconds.items()
    ]
    rows.append(
        Row(
            f"{GOAL:.2%} of validation, Kaggle, random 85/15",
            "s",
            reached,
            f"all {last['epoch']:g} epochs, which reach {last['validation_accuracy']:.2%}",
            [last["seconds"]],
        )
    )
    peaks = "; ".join(f"{name}: {peak} MiB" for name, peak in memory.items())
    notes = f"The workload is {stills:,} stills of {arguments.landmarks}, repeated. Peak memory: {peaks}."
    return Part(rows, f"{notes} Loading and importing are not in the times.")


def write_workload(source: Path, target: Path) -> int:
    """A part of WORKLOAD stills, those of `source` in which a hand was found, again and again. Returns how many there are."""
    if not source.is_file():
        raise UserError(f"no landmark file {source}; give --landmarks an .npz of stills, or leave the part train out")
    with np.load(source) as stored:
        rows = np.flatnonzero(~np.isnan(stored["landmarks"][:, 0, 0]) & np.isin(stored["label"], LABELS))
        chosen = np.resize(rows, WORKLOAD // PART)
        np.savez(target, **{name: stored[name][chosen] for name in ("landmarks", "label", "left_handed")})
    return len(rows)


def train(output: Path, *arguments: str) -> tuple[list[dict[str, float]], int]:
    """Run training/train.py. Returns the rows of its history.csv and its peak memory in MiB."""
    command_done("training/train.py", "--output", output, "--results", output, *arguments)
    names, *lines = (output / "history.csv").read_text().splitlines()
    history = [dict(zip(names.split(","), map(float, line.split(",")), strict=True)) for line in lines]
    return history, json.loads((output / "run.json").read_bytes())["peak_memory_mib"]


def plain_training(data: str, steps: int) -> float:
    """Samples per second of the training one would write first: features in a DataLoader, torch's GRU, Adam."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from sign2sound.features import clip_features
    from sign2sound.labels import LABEL_IDS
    from sign2sound.model import LandmarkGRU

    with np.load(data) as stored:
        landmarks = stored["landmarks"][: 10 * steps * WORKLOAD_BATCH, None].astype(np.float32)
        features = torch.from_numpy(clip_features(landmarks, stored["left_handed"][: len(landmarks)]))
        labels = torch.tensor([LABEL_IDS[label] for label in stored["label"][: len(landmarks)]])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = LandmarkGRU().to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    batches = iter(DataLoader(TensorDataset(features, labels), WORKLOAD_BATCH, shuffle=True))
    started = time.perf_counter()
    for _ in range(steps):
        inputs, wanted = (tensor.to(device) for tensor in next(batches))
        loss = torch.nn.functional.cross_entropy(model(inputs)[0][:, -1], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()  # as one prints it
    return steps * WORKLOAD_BATCH / (time.perf_counter() - started)


# Starting, exporting, memory


def measure_startup(arguments: argparse.Namespace) -> Part:
    """From the command to the end of a video of one frame, and to the page server's first answer."""
    models = {"ONNX": RELEASED, "checkpoint": arguments.model}
    demo, busy, page = ({form: [] for form in models} for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        frame, video = one_frame(Path(folder))
        for _ in range(1 + 2 * arguments.repeats):
            for form, model in models.items():
                done = command_done(DEMO, "--headless", "--source", video, "--model", model)
                demo[form].append(done.seconds)
                busy[form].append(done.busy)
                page[form].append(_seconds(first_answer, frame, model))
    measured = {
        "demo: a video of one frame, from start to end": demo,
        "the same, processor time, which other programs change little": busy,
        "page: first answer": page,
    }
    rows = [
        Row(what, "s", runs["ONNX"][1:], "the same with the checkpoint, by torch", runs["checkpoint"][1:])  # the first warms up
        for what, runs in measured.items()
    ]
    return Part(rows)


def one_frame(folder: Path) -> tuple[bytes, Path]:
    """The synthetic signer's L as a JPEG and as a video."""
    import cv2

    from sign2sound.signer import sign_word

    picture = [picture for picture, _ in sign_word("L")][12][..., ::-1]
    writer = cv2.VideoWriter(str(folder / "frame.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, picture.shape[1::-1])
    writer.write(picture)
    writer.release()
    return cv2.imencode(".jpg", picture)[1].tobytes(), folder / "frame.mp4"


def first_answer(frame: bytes, model: Path) -> None:
    from websockets.sync.client import connect

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "inference/web_app.py", "--port", str(port), "--model", str(model)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=_environment())
    try:
        with (
            _connected(server, port) as opened,
            connect(f"ws://localhost:{port}/stream", sock=opened, origin=f"http://localhost:{port}") as stream,
        ):
            stream.recv()
            stream.send(struct.pack("<d", 0.0) + frame)
            if json.loads(stream.recv())["hand"] is None:
                raise UserError("the page's server found no hand in the synthetic signer's picture")
    finally:
        server.terminate()
        server.wait()


def _connected(server: subprocess.Popen, port: int) -> socket.socket:
    """A connection to the server, as soon as it listens."""
    while server.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.002)
    raise UserError("the page's server did not start; its error stands above")


def measure_export(arguments: argparse.Namespace) -> Part:
    """Size, latency and difference of each exported form, against the checkpoint read by torch."""
    import torch

    from scripts.export_model import check, open_export, to_onnx, to_torchscript, with_int8_weights
    from sign2sound.checkpoint import load_model
    from sign2sound.prototypes import load_prototypes
    from sign2sound.signer import place_hand

    torch.set_num_threads(1)  # as live use does
    model, _ = load_model(arguments.model)
    whole = to_onnx(model)
    files = {"model.onnx": whole, "int8.onnx": with_int8_weights(whole), "model.pt": to_torchscript(model)}
    hand = place_hand(load_prototypes()["L"], 480, 0.26)[None, :1].astype(np.float32)
    side, rows, notes = np.array([False]), [], []
    with tempfile.TemporaryDirectory() as folder:
        reads = {}
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
            reads[name] = open_export(Path(folder, name), model)
            kilobytes, reference = len(content) / 1000, arguments.model.stat().st_size / 1000
            rows.append(Row(f"{name}: file", "kB", [kilobytes], "checkpoint", [reference]))
            if name != "int8.onnx":
                notes.append(f"{name}: {check(reads[name], model, [])}.")
        steps = {name: [] for name in ("checkpoint", *reads)}
        for _ in range(1 + arguments.repeats):
            for name, read in {"checkpoint": model.read, **reads}.items():
                _, state = read(hand, side, None)
                steps[name].append(1000 * statistics.median(_seconds(read, hand, side, state) for _ in range(500)))
    rows += [
        Row(f"{name}: a frame of a stream", "ms", steps[name][1:], "checkpoint, by torch", steps["checkpoint"][1:])
        for name in reads
    ]
    return Part(rows, "\n".join(notes))


def measure_memory(arguments: argparse.Namespace) -> Part:
    """Peak memory of the largest process of each command."""
    with tempfile.TemporaryDirectory() as folder:
        _, video = one_frame(Path(folder))
        bare = [sys.executable, "-c", f"from scripts.benchmark import mediapipe_alone; mediapipe_alone({str(video)!r})"]
        torch_alone = [sys.executable, "-c", "import torch"]
        export = ["scripts/export_model.py", "--model", arguments.model, "--output", Path(folder, "model.onnx")]
        kaggle = ["training/train.py", *KAGGLE, f"data.paths=[{arguments.landmarks}]", "epochs=1"]
        chosen = {
            "demo, ONNX": ([DEMO, "--headless", "--source", video], "MediaPipe alone", bare),
            "demo, checkpoint": ([DEMO, "--headless", "--source", video, "--model", arguments.model], "MediaPipe alone", bare),
            "export": (export, "torch alone", torch_alone),
            "training, Kaggle": ([*kaggle, "--output", Path(folder, "run"), "--results", folder], "torch alone", torch_alone),
        }
        rows = []
        for name, (command, against, reference) in chosen.items():
            peaks = [], []
            for _ in range(arguments.repeats):
                shutil.rmtree(Path(folder, "run"), ignore_errors=True)
                peaks[0].append(command_done(*command).megabytes)
                peaks[1].append(command_done(*reference[1:]).megabytes)
            rows.append(Row(name, "MB", peaks[0], against, peaks[1]))
    return Part(rows)


def measure_speech(arguments: argparse.Namespace) -> Part:
    """Latency of a frame while a speaker speaks into a WAV file against silence, in turns, on the synthetic signer."""
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


PARTS: dict[str, Callable[[argparse.Namespace], Part]] = {
    "memory": measure_memory,  # first: the peak of a command is never below that of the process that starts it
    "preprocess": measure_preprocess,
    "live": measure_live,
    "train": measure_train,
    "startup": measure_startup,
    "export": measure_export,
    "speech": measure_speech,
}


# What all parts use


def command_done(*command) -> Done:
    """Run one of the project's programs to its end. Raises UserError where it fails."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as printed:
        command = [sys.executable, *map(str, command)]
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT, env=_environment())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read()
    if process.returncode:
        raise UserError(f"{' '.join(command[1:4])} failed: {output.strip().splitlines()[-1]}")
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Done(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def in_process(function: Callable, *arguments):
    """What `function` returns, called in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def machine() -> str:
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file() and (found := re.search(r"model name\s*: (.+)", cpuinfo.read_text())):
        model = found.group(1)
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}, {packages}"


def table(part: Part) -> str:
    head = ["measured", "median", "spread", "against", "median", "spread", "ratio"]
    lines = markdown_table(head, [row.cells() for row in part.rows], "lrrlrrr")
    return "\n".join([*lines, part.notes]).rstrip() + "\n"


def markdown(parts: dict[str, dict]) -> str:
    """The report: parts measured on the same machine share its line."""
    machines = list(dict.fromkeys(part["machine"] for part in parts.values()))
    lines = [
        "# Benchmark",
        "",
        "Medians; the spread is the least and the greatest of the repeats. Each ratio is of one run.",
        "",
    ]
    for number, name in enumerate(machines, start=1):
        lines += [f"Machine {number}: {name}.", ""]
    for name, part in parts.items():
        rows = [Row(**row) for row in part["rows"]]
        where = machines.index(part["machine"]) + 1
        lines += [f"## {name}", "", PARTS[name].__doc__.splitlines()[0], "", table(Part(rows, part["notes"]))]
        lines += [f"`{part['command']}`, {part['date']}, machine {where}, load before it {part['load']}.", ""]
    return "\n".join(lines)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH"))))}


def _seconds(function: Callable, *arguments) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def _medians(runs: list[dict[str, float]]) -> list[str]:
    return [f"{statistics.median(run[percentile] for run in runs):.2f}" for percentile in PERCENTILES]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(values: list[float]) -> str:
    return f"{_figure(min(values))}–{_figure(max(values))}" if len(values) > 1 else "–"


if __name__ == "__main__":
    run(main)
