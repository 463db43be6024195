"""Pictures in class folders -> landmarks.npy, index.csv and report.json, on all cores or a cluster, continued after any
interruption. No more of a data set is in memory at a time than the names of one class, and a few bytes for each picture."""

import csv
import heapq
import io
import json
import sys
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, NamedTuple

import numpy as np
from platformdirs import user_cache_path
from pydantic import Field, NonNegativeInt, PositiveInt, StringConstraints, TypeAdapter
from tqdm import tqdm
from typing_extensions import TypedDict

from data.pictures import ClassFolders, picture_order
from data.places import Place, is_address
from data.splits import group_split, named_groups, random_split
from data.workers import look_at_all
from sign2sound.errors import UserError
from sign2sound.files import atomic_write, claim_folders, counted, printable
from sign2sound.hand import LANDMARKS
from sign2sound.hand_model import find_hand_model
from sign2sound.labels import LABEL_IDS, LABELS, NOTHING, find_label
from sign2sound.passes import PASSES

VALIDATION_SHARE = 0.15
OUTPUTS = ("landmarks.npy", "index.csv", "report.json")
JOURNAL = "journal.jsonl"  # its first line holds the options, every other line what was seen in one picture
KEPT = "journal-kept.jsonl"  # lines of the runs before, if they were interrupted
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
_MISS = np.full(3 * LANDMARKS, np.nan, np.float32).tobytes()
_COLUMNS = ("path", "label", "group", "split", "width", "height", "found", "pass", "handedness", "score")


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    report: what report.json holds.
    looked_at: how many pictures this run looked at; 0 where the output was finished before.
    seconds: how long it took. stages: how long of these `listing` the pictures, the `journal` and `writing` the files.
    """

    report: dict
    looked_at: int
    seconds: float
    stages: dict[str, float] = field(default_factory=dict)


def preprocess(
    folder: str | Path,
    output: str | Path,
    *,
    group_by: str = "blocks",
    split: str = "group",
    seed: int = 0,
    workers: int | None = None,
    cluster: str | None = None,
    fresh: bool = False,
) -> Outcome:
    """Find the hand in every picture below the class folders of `folder` and write the processed data to `output`.

    folder, output: folders of this machine or addresses, see `data.places`. group_by: see `data.splits.named_groups`. split:
    "group" or "random", see `data.splits`. workers, cluster: see `data.workers.look_at_all`. fresh: begin again where `output`
    holds other work.

    What is written depends on the pictures and the options alone, not on the workers or on interruptions: an interrupted
    run leaves a journal in `output`, or for an address in the user's cache folder, from which the next one goes on. Pictures
    that cannot be read are listed in the report. Raises UserError, also where `output` was made with other options or other
    pictures, or another run of this machine is at work.
    """
    work = Path(str(output).removeprefix("file://"))
    if is_address(output):
        work = user_cache_path("sign2sound") / "preprocess" / sha256(str(output).encode()).hexdigest()[:16]
    with claim_folders(work):
        listing_file = work / ".listing.tmp"  # which `claim_folders` removes after a run that was killed
        try:
            return _preprocess(folder, work, Place(output), listing_file, group_by, split, seed, workers, cluster, fresh)
        finally:
            with suppress(OSError):  # Windows removes no file that a traceback holds open
                listing_file.unlink()


def _preprocess(
    folder: str | Path,
    work: Path,
    output: Place,
    listing_file: Path,
    group_by: str,
    split: str,
    seed: int,
    workers: int | None,
    cluster: str | None,
    fresh: bool,
) -> Outcome:
    start = time.perf_counter()
    found = ClassFolders(folder)
    listing = _Listing(found, group_by, listing_file)
    stages = {"listing": time.perf_counter() - start, "journal": 0.0}
    for name in found.skipped:
        print(f"skipped: {found.root / name} is no class", file=sys.stderr)
    if found.passed_over:
        files, first = counted(len(found.passed_over), "file"), found.passed_over[0]
        print(f"passed over: {files} named like no picture, such as {first}; see report.json", file=sys.stderr)
    report = {
        "options": {
            "input": printable(str(found.root)),
            "group_by": group_by,
            "split": split,
            "seed": seed,
            "passes": [asdict(options) for options in PASSES],
        },
        "bytes": listing.bytes,
        "skipped_folders": found.skipped,
        "passed_over": found.passed_over,
    }

    if fresh:
        _remove_journal(work)
    elif not (work / JOURNAL).exists() and all(map(output.has, OUTPUTS)):
        return Outcome(_finished_report(work, output, report, listing), 0, 0.0)
    find_hand_model()  # once and with its progress bar, before the workers ask for it
    journal, known, counts = _open_journal(work, report["options"], listing)
    todo = (picture.path for picture, seen in zip(listing, known, strict=True) if not seen)
    broken = {}
    try:
        with (
            journal,
            look_at_all(found.root, todo, workers, cluster) as answers,
            tqdm(total=len(known), initial=int(known.sum()), unit=" images", smoothing=0.02) as bar,
        ):
            # While the workers start: scikit-learn takes as long to import as MediaPipe.
            if split == "group":
                validation = group_split(listing.labels, listing.groups, VALIDATION_SHARE, seed)
            else:
                validation = random_split(listing.labels, VALIDATION_SHARE, seed)
            for picture, seen in zip(listing, known, strict=True):
                if seen:
                    continue
                answer = next(answers)
                bar.update()
                if isinstance(answer, str):
                    broken[picture.path] = answer
                    continue
                began = time.perf_counter()
                entry = {"path": picture.path, "stamp": picture.stamp, **answer}
                journal.write(json.dumps(entry).encode() + b"\n")
                journal.flush()
                stages["journal"] += time.perf_counter() - began
                counts[LABEL_IDS[picture.label], answer["pass"]] += 1
                bar.set_postfix(misses=_misses(counts), refresh=False)
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"{counts.sum()} of {len(known)} images are kept; the same command goes on") from error

    began = time.perf_counter()
    report["classes"] = {
        label: {
            "images": sum(row),
            **{f"pass {number}": row[number] for number in range(1, len(PASSES) + 1)},
            "missed": row[0],
        }
        for label, row in zip(LABELS, counts.tolist(), strict=True)
    }
    report["broken"] = [{"path": path, "reason": reason} for path, reason in broken.items()]
    _write(work, report, int(counts.sum()), _rows(work, listing, known, broken, validation))
    if is_address(output):
        for name in OUTPUTS:
            output.put(work / name)
            (work / name).unlink()
    _remove_journal(work)
    stages["writing"] = time.perf_counter() - began
    return Outcome(report, int((~known).sum()), time.perf_counter() - start, stages)


class _Listed(NamedTuple):
    path: str
    label: str
    stamp: list[int]
    group: str


class _Listing:
    """The pictures of a data set, in their order: in a file, and in memory what a split needs of them.

    labels: int8 (N,), ids of LABELS; groups: int32 (N,), in the order of the groups' names; bytes: size of all pictures.
    """

    def __init__(self, found: ClassFolders, group_by: str, file: Path):
        self._file = file
        self.bytes = 0
        labels, groups, numbers = array("b"), array("i"), {}
        with open(file, "w") as lines:
            for pictures in found.pictures():
                paths, names, stamps = zip(*pictures, strict=True)
                for picture, group in zip(pictures, named_groups(paths, names, group_by).tolist(), strict=True):
                    lines.write(json.dumps([*picture, group]) + "\n")
                    groups.append(numbers.setdefault(group, len(numbers)))
                labels.extend([LABEL_IDS[names[0]]] * len(names))
                self.bytes += sum(size for size, _ in stamps)
        ranks = {name: rank for rank, name in enumerate(sorted(numbers))}
        self.labels = np.array(labels)
        self.groups = np.array([ranks[name] for name in numbers], np.int32)[np.array(groups)]

    def __len__(self) -> int:
        return len(self.labels)

    def __iter__(self) -> Iterator[_Listed]:
        with open(self._file) as lines:
            for line in lines:
                yield _Listed(*json.loads(line))


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


def _refuse_other_options(found: dict, wanted: dict, output: Path) -> None:
    for name, value in wanted.items():
        if found.get(name) == value:
            continue
        if name == "passes":  # no option of the user's, and unknown to older versions
            raise UserError(f"{output} was made by a version that looks for hands in another way; --fresh begins it again")
        raise UserError(
            f"{output} was made with --{name.replace('_', '-')} {found.get(name)}, not {value}; --fresh begins it again"
        )


def _finished_report(work: Path, output: Place, report: dict, listing: _Listing) -> dict:
    """The report of a finished output, provided that it came of the options in `report` and the pictures of `listing`."""
    if is_address(output):
        for name in OUTPUTS:
            output.fetch(name, work)
    try:
        finished = json.loads((work / "report.json").read_bytes())
        _refuse_other_options(finished["options"], report["options"], output)
        broken = {entry["path"] for entry in finished["broken"]}
        wanted = (tuple(map(_as_text, (row.path, row.label, row.group))) for row in listing if row.path not in broken)
        with open(work / "index.csv", newline="", encoding="utf-8") as file:
            found = (tuple(row[name] for name in ("path", "label", "group")) for row in csv.DictReader(file))
            rows = 0
            same = finished["bytes"] == report["bytes"]
            for one, other in zip_longest(found, wanted):
                rows += one is not None
                same &= one == other
        table(finished)  # needs what else a report holds
        if np.load(work / "landmarks.npy", mmap_mode="r").shape != (rows, 3 * LANDMARKS):
            raise ValueError("landmarks.npy has another number of rows")
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError) as error:
        raise UserError(f"the files in {output} are none that this program wrote ({error!r}); --fresh replaces them") from error
    finally:
        if is_address(output):
            for name in OUTPUTS:
                (work / name).unlink(missing_ok=True)
    if not same:
        raise UserError(f"the pictures or their groups have changed since {output} was made; --fresh begins it again")
    return finished


# The journal, whose lines are in the order of the pictures, so that none of it need be in memory


def _open_journal(work: Path, options: dict, listing: _Listing) -> tuple[BinaryIO, np.ndarray, np.ndarray]:
    """An empty journal to be written to, and what runs before this one saw: of which pictures, bool (N,), and how many of
    each label, int (29,), were found in no pass (0) or in which, (29, 1 + passes).

    Their lines are in KEPT, in the order of `listing`. What is damaged in them is left out, and looked at again.
    """
    known = np.zeros(len(listing), bool)
    counts = np.zeros((len(LABELS), len(PASSES) + 1), int)
    entries = iter(())
    if (work / JOURNAL).exists():
        entries = heapq.merge(_entries(work / JOURNAL), _entries(work / KEPT), key=_order)
        first = next(entries, None)
        try:
            with open(work / JOURNAL, "rb") as file:
                found = json.loads(file.readline())
            if first:  # else nothing is done, and nothing to lose
                _refuse_other_options(found, options, work)
                entries = chain([first], entries)
        except (ValueError, AttributeError, RecursionError):
            entries = iter(())  # nobody knows how they were made
    with atomic_write(work / KEPT) as file:
        entry = next(entries, None)
        for number, picture in enumerate(listing):
            while entry and _order(entry) < picture_order(picture.path):
                entry = next(entries, None)
            if entry and (entry["path"], entry["stamp"]) == (picture.path, picture.stamp):
                file.write(json.dumps(entry).encode() + b"\n")
                known[number] = True
                counts[LABEL_IDS[picture.label], entry["pass"]] += 1
    with atomic_write(work / JOURNAL) as file:
        file.write(json.dumps(options).encode() + b"\n")
    return open(work / JOURNAL, "ab"), known, counts


def _entries(path: Path) -> Iterator[dict]:
    """The intact lines of a journal."""
    if not path.exists():
        return
    with open(path, "rb") as lines:
        for line in lines:
            with suppress(ValueError):
                entry = _SEEN.validate_json(line, strict=True)
                if find_label(entry["path"].split("/", 1)[0]):
                    yield entry


def _order(entry: dict) -> tuple:
    return picture_order(entry["path"])


def _remove_journal(work: Path) -> None:
    (work / JOURNAL).unlink(missing_ok=True)
    (work / KEPT).unlink(missing_ok=True)


def _misses(counts: np.ndarray) -> int:
    return int(counts[:, 0].sum() - counts[NOTHING, 0])


# The files


def _as_text(name: str) -> str:
    """A name as spreadsheets take it for text: before a sign that would have them compute it stands an apostrophe, and before
    an apostrophe, so that it can be taken away again."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "'")) else name


def _rows(
    work: Path, listing: _Listing, known: np.ndarray, broken: dict[str, str], validation: np.ndarray
) -> Iterator[tuple[str, str, str, str, dict]]:
    """Path, label, group, split, and what was seen, of every picture that could be read."""
    with open(work / KEPT, "rb") as kept, open(work / JOURNAL, "rb") as journal:
        journal.readline()  # the options
        for picture, old, chosen in zip(listing, known, validation, strict=True):
            if picture.path not in broken:
                seen = json.loads((kept if old else journal).readline())
                yield picture.path, picture.label, picture.group, "validation" if chosen else "train", seen


def _write(folder: Path, report: dict, count: int, rows: Iterable[tuple]) -> None:
    with atomic_write(folder / "landmarks.npy") as landmarks, atomic_write(folder / "index.csv") as index:
        form = {"descr": "<f4", "fortran_order": False, "shape": (count, 3 * LANDMARKS)}
        np.lib.format.write_array_header_1_0(landmarks, form)
        text = io.TextIOWrapper(index, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for path, label, group, split, seen in rows:
            landmarks.write(bytes.fromhex(seen["landmarks"]) if seen["pass"] else _MISS)
            names = _as_text(path), label, _as_text(group), split
            size = seen["width"], seen["height"]
            writer.writerow((*names, *size, int(seen["pass"] > 0), seen["pass"], seen["handedness"], seen["score"]))
        text.detach()  # flushes it
    with atomic_write(folder / "report.json") as file:
        file.write(json.dumps(report, indent=1).encode() + b"\n")
