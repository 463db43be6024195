"""Pictures in class folders -> landmarks.npy, index.csv and report.json, on all cores, continued after any interruption."""

import csv
import io
import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints, TypeAdapter
from tqdm import tqdm
from typing_extensions import TypedDict

from data.pictures import find_pictures
from data.splits import group_split, named_groups, random_split
from sign2sound.errors import UserError
from sign2sound.files import atomic_write, claim_folders, counted, printable
from sign2sound.hand import LANDMARKS
from sign2sound.hand_model import find_hand_model
from sign2sound.labels import LABELS
from sign2sound.passes import PASSES
from sign2sound.pictures import BrokenPicture, read_picture

VALIDATION_SHARE = 0.15
OUTPUTS = ("landmarks.npy", "index.csv", "report.json")
JOURNAL = "journal.jsonl"  # its first line holds the options, every other line what was seen in one picture
_SEEN = TypeAdapter(
    TypedDict(
        "_Seen",
        {
            "path": str,
            "stamp": list[NonNegativeInt],
            "width": PositiveInt,
            "height": PositiveInt,
            "pass": Annotated[int, Field(ge=0, le=len(PASSES))],
            "handedness": Literal["Left", "Right", ""],
            "score": str,
            "landmarks": Annotated[str, StringConstraints(pattern=f"^([0-9a-f]{{{8 * 3 * LANDMARKS}}})?$")],
        },
    )
)
_CHUNK = 8  # pictures that a worker is given at once
_COLUMNS = ("path", "label", "group", "split", "width", "height", "found", "pass", "handedness", "score")


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    report: what report.json holds.
    looked_at: how many pictures this run looked at; 0 where the output was finished before.
    seconds: how long it took.
    """

    report: dict
    looked_at: int
    seconds: float


def preprocess(
    folder: str | Path,
    output: str | Path,
    *,
    group_by: str = "blocks",
    split: str = "group",
    seed: int = 0,
    workers: int | None = None,
    fresh: bool = False,
) -> Outcome:
    """Find the hand in every picture below the class folders of `folder` and write the processed data to `output`.

    group_by: see `data.splits.named_groups`. split: "group" or "random", see `data.splits`. workers: processes; all cores
    by default. fresh: begin again where `output` holds other work.

    What is written depends on the pictures and the options alone, not on the workers or on interruptions: an interrupted
    run leaves a journal in `output`, from which the next one goes on. Pictures that cannot be read are listed in the
    report. Raises UserError, also where `output` was made with other options or other pictures, or another run is at work.
    """
    with claim_folders(output):
        return _preprocess(folder, Path(output), group_by, split, seed, workers, fresh)


def _preprocess(
    folder: str | Path, output: Path, group_by: str, split: str, seed: int, workers: int | None, fresh: bool
) -> Outcome:
    start = time.perf_counter()
    pictures = find_pictures(folder)
    for name in pictures.skipped:
        print(f"skipped: {pictures.root / name} is no class", file=sys.stderr)
    if pictures.passed_over:
        files, first = counted(len(pictures.passed_over), "file"), printable(pictures.passed_over[0])
        print(f"passed over: {files} named like no picture, such as {first}; see report.json", file=sys.stderr)
    groups = named_groups(pictures.paths, pictures.labels, group_by)
    stamps = {path: _stamp(pictures.file(path)) for path in pictures.paths}
    report = {
        "options": {
            "input": printable(pictures.root),
            "group_by": group_by,
            "split": split,
            "seed": seed,
            "passes": [asdict(options) for options in PASSES],
        },
        "bytes": sum(size for size, _ in stamps.values()),
        "skipped_folders": pictures.skipped,
        "passed_over": pictures.passed_over,
    }

    journal_path = output / JOURNAL
    if fresh:
        journal_path.unlink(missing_ok=True)
    elif not journal_path.exists() and all((output / name).exists() for name in OUTPUTS):
        labelled = list(zip(pictures.paths, pictures.labels, groups, strict=True))
        return Outcome(_finished_report(output, report, labelled), 0, 0.0)
    find_hand_model()  # once and with its progress bar, before the workers ask for it
    journal, seen = _open_journal(journal_path, report["options"])
    seen = {path: entry for path, entry in seen.items() if entry["stamp"] == stamps.get(path)}
    todo = [path for path in pictures.paths if path not in seen]
    broken = {}
    labels = dict(zip(pictures.paths, pictures.labels, strict=True))
    misses = sum(entry["pass"] == 0 and labels[path] != "nothing" for path, entry in seen.items())
    try:
        with (
            journal,
            _look_at_all([str(pictures.file(path)) for path in todo], workers) as results,
            tqdm(zip(todo, results, strict=True), total=len(stamps), initial=len(seen), unit=" images", smoothing=0.02) as bar,
        ):
            # While the workers start: scikit-learn takes as long to import as MediaPipe.
            if split == "group":
                validation = group_split(pictures.labels, groups, VALIDATION_SHARE, seed)
            else:
                validation = random_split(pictures.labels, VALIDATION_SHARE, seed)
            for path, result in bar:
                if isinstance(result, str):
                    broken[path] = result
                    continue
                seen[path] = {"path": path, "stamp": stamps[path], **result}
                journal.write(json.dumps(seen[path]).encode() + b"\n")
                journal.flush()
                misses += result["pass"] == 0 and labels[path] != "nothing"
                bar.set_postfix(misses=misses, refresh=False)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"{len(seen)} of {len(stamps)} images are kept; the same command goes on") from error

    outcomes = ["missed", *(f"pass {number}" for number in range(1, len(PASSES) + 1))]
    report["classes"] = {label: dict.fromkeys(("images", *outcomes[1:], "missed"), 0) for label in LABELS}
    for path, entry in seen.items():
        counts = report["classes"][labels[path]]
        counts["images"] += 1
        counts[outcomes[entry["pass"]]] += 1
    report["broken"] = [{"path": path, "reason": broken[path]} for path in pictures.paths if path in broken]
    splits = ["validation" if chosen else "train" for chosen in validation]
    rows = zip(pictures.paths, pictures.labels, groups, splits, strict=True)
    _write(output, report, [(*row, seen[row[0]]) for row in rows if row[0] in seen])
    journal_path.unlink()
    return Outcome(report, len(todo), time.perf_counter() - start)


def table(report: dict) -> str:
    """The counts of `report` by class, and the share of hands found where there should be one."""
    classes = report["classes"]
    total = {key: sum(counts[key] for counts in classes.values()) for key in classes["nothing"]}
    lines = [f"{'class':<14}" + "".join(f"{key:>8}" for key in total)]
    hands = {key: total[key] - classes["nothing"][key] for key in total}
    for name, counts in {**classes, "all": total, "all with hand": hands}.items():
        lines.append(f"{name:<14}" + "".join(f"{count:>8}" for count in counts.values()))
    if hands["images"]:
        at_once, found = hands["pass 1"] / hands["images"], 1 - hands["missed"] / hands["images"]
        lines.append(f"hand found in {found:.1%} of the images other than `nothing` ({at_once:.1%} at once)")
    return "\n".join(lines)


def _stamp(path: Path) -> list[int]:
    """What changes when a file does: its size in bytes and time of change in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _refuse_other_options(found: dict, wanted: dict, output: Path) -> None:
    for name, value in wanted.items():
        if found.get(name) == value:
            continue
        if name == "passes":  # no option of the user's, and unknown to older versions
            raise UserError(f"{output} was made by a version that looks for hands in another way; --fresh begins it again")
        raise UserError(
            f"{output} was made with --{name.replace('_', '-')} {found.get(name)}, not {value}; --fresh begins it again"
        )


def _finished_report(output: Path, report: dict, labelled: list[tuple[str, str, str]]) -> dict:
    """The report of a finished output, provided that it came of the options in `report` and these (path, label, group)."""
    try:
        finished = json.loads((output / "report.json").read_bytes())
        _refuse_other_options(finished["options"], report["options"], output)
        broken = {entry["path"] for entry in finished["broken"]}
        with open(output / "index.csv", newline="", encoding="utf-8") as file:
            found = [tuple(row[name] for name in ("path", "label", "group")) for row in csv.DictReader(file)]
        wanted = [tuple(map(_as_text, row)) for row in labelled if row[0] not in broken]
        same = found == wanted and finished["bytes"] == report["bytes"]
        table(finished)  # needs what else a report holds
        if np.load(output / "landmarks.npy", mmap_mode="r").shape != (len(found), 3 * LANDMARKS):
            raise ValueError("landmarks.npy has another number of rows")
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError) as error:
        raise UserError(f"the files in {output} are none that this program wrote ({error!r}); --fresh replaces them") from error
    if not same:
        raise UserError(f"the pictures or their groups have changed since {output} was made; --fresh begins it again")
    return finished


def _open_journal(path: Path, options: dict) -> tuple[BinaryIO, dict[str, dict]]:
    """The journal, ready to be added to, and its entries by path. What is damaged in it is left out, and looked at again."""
    head, *lines = path.read_bytes().splitlines() or [b""] if path.exists() else [b""]
    entries = {}
    for line in lines:
        try:
            entry = _SEEN.validate_json(line, strict=True)
        except ValueError:
            continue
        entries[entry["path"]] = entry
    try:
        found = json.loads(head)
        if entries:  # else nothing is done, and nothing to lose
            _refuse_other_options(found, options, path.parent)
    except (ValueError, AttributeError, RecursionError):
        entries = {}  # nobody knows how they were made
    with atomic_write(path) as file:
        file.writelines(json.dumps(entry).encode() + b"\n" for entry in (options, *entries.values()))
    return open(path, "ab"), entries


@contextmanager
def _look_at_all(paths: list[str], workers: int | None) -> Iterator[Iterable[dict | str]]:
    """`_look` at each path, in order, in `workers` processes, which start at once and end with the block."""
    if not paths:
        yield ()
        return
    workers = min(workers or os.cpu_count(), len(paths), 61)  # Windows can't wait for more than 61 processes
    with ExitStack() as pools:
        with _deaf_to_interrupts():
            results = _start_pool(pools, workers).map(_look, paths, chunksize=_CHUNK)
        yield _results(pools, results, paths, workers)


def _results(pools: ExitStack, results: Iterator, paths: list[str], workers: int) -> Iterator[dict | str]:
    """`results`, and where a picture kills its worker the reason in its place."""
    done = 0
    most = _CHUNK * (2 * workers + 1)  # pictures that workers have been given and not answered
    while done < len(paths):
        try:
            for result in results:
                yield result
                done += 1
        except BrokenProcessPool:
            suspects, deaths = paths[done : done + most], 0
            alone = _start_pool(pools, 1)
            for path in suspects:
                with _deaf_to_interrupts():
                    answer = alone.submit(_look, path)
                try:
                    result = answer.result()
                except BrokenProcessPool:
                    result = "it killed the process that read it, twice"
                    deaths += 1
                    alone = _start_pool(pools, 1)
                yield result
                done += 1
            if deaths == most:
                raise UserError(
                    "every worker process is killed, perhaps for want of memory; the same command goes on, with fewer --workers"
                ) from None
            with _deaf_to_interrupts():
                results = _start_pool(pools, workers).map(_look, paths[done:], chunksize=_CHUNK)


def _start_pool(pools: ExitStack, workers: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")  # MediaPipe's threads don't survive a fork
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker)
    pools.callback(pool.shutdown, cancel_futures=True)
    return pool


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C is for this process alone; those started in the block inherit the deafness."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, interrupt)


_landmarker = None  # a worker's own


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker would wait for ever for the next task of a parent that was killed."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _look(path: str) -> dict | str:
    """What a worker sees in one picture, or the reason why it sees none."""
    global _landmarker
    if _landmarker is None:  # not in _start_worker, from which an error would not reach the user
        from sign2sound.landmarker import Landmarker  # MediaPipe: slow to import, and the parent does not need it

        _landmarker = Landmarker()
        Finalize(None, _landmarker.close, exitpriority=0)  # atexit comes after the end of the thread that closing needs
    try:
        picture = read_picture(path)
    except BrokenPicture as error:
        return str(error)
    hand = _landmarker.find(picture)
    return {
        "width": picture.shape[1],
        "height": picture.shape[0],
        "pass": hand.found_in if hand else 0,
        "handedness": ("Left" if hand.left_handed else "Right") if hand else "",
        "score": f"{hand.score:.4f}" if hand else "",
        "landmarks": hand.landmarks.tobytes().hex() if hand else "",
    }


def _as_text(name: str) -> str:
    """A name as spreadsheets take it for text: before a sign that would have them compute it stands an apostrophe, and before
    an apostrophe, so that it can be taken away again."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "'")) else name


def _write(output: Path, report: dict, rows: list[tuple]) -> None:
    landmarks = np.full((len(rows), LANDMARKS * 3), np.nan, np.float32)
    index = io.StringIO()
    writer = csv.writer(index, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number, (path, label, group, split, seen) in enumerate(rows):
        if seen["pass"]:
            landmarks[number] = np.frombuffer(bytes.fromhex(seen["landmarks"]), np.float32)
        names = _as_text(path), label, _as_text(group), split
        size = seen["width"], seen["height"]
        writer.writerow((*names, *size, int(seen["pass"] > 0), seen["pass"], seen["handedness"], seen["score"]))
    with atomic_write(output / "landmarks.npy") as file:
        np.save(file, landmarks)
    with atomic_write(output / "index.csv") as file:
        file.write(index.getvalue().encode())
    with atomic_write(output / "report.json") as file:
        file.write(json.dumps(report, indent=1).encode() + b"\n")
