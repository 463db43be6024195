"""Milliseconds per frame of the demo without a window, by stage, against MediaPipe's video mode alone."""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import numpy as np

from scripts.benchmarks.measuring import PERCENTILES, Part, Row, command_done, in_process, seconds_of
from sign2sound.errors import UserError
from sign2sound.exported import RELEASED
from sign2sound.hand_model import find_hand_model
from sign2sound.pictures import Video
from training.report import markdown_table

DEMO = "inference/realtime_demo.py"
SIZES = ((640, 360), (1280, 720))
LETTERS = 4  # videos that are joined
NEEDS = f"--videos: a folder of videos of letters, of which {LETTERS} .mp4 are joined"
MINUTES = 4


def check(arguments: argparse.Namespace) -> None:
    if not any(arguments.videos.glob("*.mp4")):
        raise UserError(f"no .mp4 file in {arguments.videos}; give --videos a folder of videos of letters")


def measure(arguments: argparse.Namespace) -> Part:
    videos = sorted(arguments.videos.glob("*.mp4"))[:LETTERS]
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
    """Milliseconds per frame of MediaPipe's video mode with its default options, reading the file not counted, but handing the
    picture over."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.HandLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(find_hand_model())), running_mode=vision.RunningMode.VIDEO
    )

    def detect(landmarker, picture: np.ndarray, milliseconds: int) -> None:
        landmarker.detect_for_video(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture), milliseconds)

    seconds = []
    with Video(video) as frames, vision.HandLandmarker.create_from_options(options) as landmarker:
        for picture, time in frames:
            seconds.append(seconds_of(detect, landmarker, picture, round(1000 * time)))
    return dict(zip(PERCENTILES, 1000 * np.percentile(seconds, (50, 95, 99)), strict=True))


def _medians(runs: list[dict[str, float]]) -> list[str]:
    return [f"{statistics.median(run[percentile] for run in runs):.2f}" for percentile in PERCENTILES]
