"""The models that measure: each was trained without one fold of the sources, so everybody is read by one that never saw them.

people.py trains them into a folder, the cache; every program here reads from it.
"""

import multiprocessing
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from data.dataset import Samples
from sign2sound.checkpoint import load_checkpoint, load_model, save_checkpoint
from sign2sound.errors import UserError
from sign2sound.features import FRAME_RATE, palm_clips
from sign2sound.files import in_project
from sign2sound.labels import LABEL_IDS, LABELS, MOTION_LETTERS, STATIC_LETTERS
from sign2sound.model import LandmarkGRU
from sign2sound.recognizer import Recognizer
from training.config import Config
from training.motions import moves
from training.tasks import task_of
from training.train import Trainer, choose_precision, keep_freed_memory, load_data

CACHE = Path(in_project("checkpoints/run/folds"))
# Sources that show the same people, by what their publishers say: no model is measured on one and trained on another of them.
SAME_PEOPLE = (
    {"ardamavi", "not_letters"},
    {"traduttore_alex", "traduttore_cam", "traduttore_danial", "not_letters_traduttore", "traduttore_words"},
    {"grp1605", "not_letters_grp1605"},
    {"kaushiks-info", "not_letters_kaushiks-info"},
    {"vedangbandi", "not_letters_vedangbandi"},
    {"not_letters_signova", "signova_words"},
)
STATIC = [LABEL_IDS[letter] for letter in STATIC_LETTERS]
MOTION = [LABEL_IDS[letter] for letter in MOTION_LETTERS]


@dataclass(frozen=True)
class Source:
    """What a source brings to its fold: clips in which a J or Z moves, letters (distinct static ones), their stills."""

    moving: bool
    letters: int
    stills: int


@dataclass(frozen=True, eq=False)
class Fold:
    """A model of the cache, and the sources that it was trained without."""

    path: Path
    left_out: list[str]
    model: LandmarkGRU


def describe_sources(stills: Samples, clips: Samples | None) -> dict[str, Source]:
    """Every source of the data."""
    letters = stills.trusted & stills.found & np.isin(stills.labels, STATIC)
    moving = set() if clips is None else {*clips.sources[moving_letters(clips)]}
    names = {*stills.sources, *(() if clips is None else clips.sources)}
    sources = {}
    for name in sorted(map(str, names)):
        labels = stills.labels[letters & (stills.sources == name)]
        sources[name] = Source(name in moving, len(np.unique(labels)), len(labels))
    return sources


def deal(sources: Mapping[str, Source], count: int) -> list[list[str]]:
    """The sources that each of `count` folds leaves out, at most as many as there are sources of different people.

    Each source is in one fold, together with those of the same people. Sorted by what they bring they are dealt out in turns,
    to and fro: so each fold gets sources of many and of few letters, and those with moving letters, which are few, are spread.
    Raises UserError where there are people for one fold only.
    """
    people = {frozenset(people_of(name) & {*sources}) for name in sources}

    def brings(names: frozenset[str]) -> tuple:
        chosen = [sources[name] for name in names]
        return (
            any(source.moving for source in chosen),
            max(source.letters for source in chosen),
            sum(source.stills for source in chosen),
            min(names),
        )

    count = min(count, len(people))
    if count < 2:
        found = ", ".join(sources) or "no source"
        raise UserError(f"nobody to leave out, found {found}; give data.paths sources of two people or more")
    folds = [[] for _ in range(count)]
    for place, names in enumerate(sorted(people, key=brings, reverse=True)):
        turn, seat = divmod(place, count)
        folds[seat if turn % 2 == 0 else count - 1 - seat].extend(names)
    return [sorted(names) for names in folds]


def people_of(source: str) -> set[str]:
    """The source, and all that show the same people."""
    return next((names for names in SAME_PEOPLE if source in names), {source})


def train_folds(variants: Mapping[Path, Config], folds: list[list[str]], workers: int) -> None:
    """A checkpoint fold_1.pth, fold_2.pth … in the cache of each configuration, unless it is there already.

    Raises UserError where one is there that another configuration, or other sources, made.
    """
    jobs = []
    for cache, config in variants.items():
        for number, left_out in enumerate(folds, start=1):
            path = cache / f"fold_{number}.pth"
            data = config.data.model_copy(update={"test_sources": left_out})
            fold_config = config.model_copy(update={"data": data})
            if not path.exists():
                jobs.append((path, fold_config))
            elif load_checkpoint(path)["config"] != fold_config.model_dump():
                raise UserError(
                    f"{path} was trained with another configuration or other folds; remove it or name another --models"
                )
    context = multiprocessing.get_context("spawn")
    epochs = context.Value("i", 0)  # done by all processes together
    with (
        ProcessPoolExecutor(min(workers, len(jobs)) or 1, context, initializer=_start_worker, initargs=(epochs,)) as pool,
        tqdm(
            total=sum(config.epochs for _, config in jobs), desc=f"{len(jobs)} models", unit=" epochs", disable=not jobs
        ) as bar,
    ):
        results = [pool.submit(train_fold, path, config) for path, config in jobs]
        running = True
        while running:
            running = wait(results, timeout=1).not_done
            bar.update(epochs.value - bar.n)
        for result in results:
            result.result()


_epochs = None  # a worker's, see train_folds


def _start_worker(epochs) -> None:
    global _epochs
    _epochs = epochs
    torch.set_num_threads(1)


def train_fold(path: Path, config: Config) -> None:
    """Train like train.py, in a process of its own."""
    torch.manual_seed(config.seed)
    keep_freed_memory()
    device = torch.device("cpu")
    stills, clips, validation = load_data(config)
    sources = {"training_sources": sorted(map(str, {*stills.sources, *(() if clips is None else clips.sources)}))}
    training_set = task_of(config).make_training_set(stills, clips, device)
    model = task_of(config).make_model()
    trainer = Trainer(model, training_set, config, device, choose_precision(config.precision, device), sources)
    while not trainer.finished:
        trainer.train_epoch()
        trainer.validate(validation)
        if _epochs is not None:
            with _epochs.get_lock():
                _epochs.value += 1
    about = {"config": config.model_dump(), "epoch": trainer.epoch, "metrics": trainer.history[-1] | sources}
    save_checkpoint(path, model, **about)


def load_folds(cache: Path, sources: Iterable[str]) -> dict[str, Fold]:
    """For each source the model that was trained without it. Raises UserError where there is none, or it saw these people."""
    folds = {}
    for path in sorted(cache.glob("fold_*.pth")):
        model, checkpoint = load_model(path)
        left_out = checkpoint["config"]["data"]["test_sources"]
        refuse_if_seen(path, checkpoint, left_out)
        folds |= dict.fromkeys(left_out, Fold(path, left_out, model))
    if missing := sorted({*sources} - {*folds}):
        raise UserError(
            f"no model in {cache} was trained without {', '.join(missing)}; train them with training/measure/people.py on the "
            "same data"
        )
    return {name: folds[name] for name in sources}


def refuse_if_seen(path: Path, checkpoint: dict, sources: Iterable[str]) -> None:
    """Raise UserError unless the checkpoint says what it was trained on, and none of that shows the people of `sources`."""
    if "training_sources" not in checkpoint["metrics"]:
        raise UserError(f"{path} does not say what it was trained on; expected a checkpoint by training/train.py or people.py")
    measured = {name for source in sources for name in people_of(source)}
    if seen := sorted(measured & {*checkpoint["metrics"]["training_sources"]}):
        raise UserError(f"{path} was trained on {', '.join(seen)}, so it cannot be measured on these people; give another")


def read(model: LandmarkGRU, samples: Samples | None, seconds: float = 0.0) -> np.ndarray:
    """Probabilities (N, 29) at the end of clips, or of stills that are held for so many seconds, one frame at least."""
    if samples is None or not len(samples):
        return np.zeros((0, len(LABELS)), np.float32)
    landmarks = np.repeat(samples.landmarks, max(1, round(seconds * FRAME_RATE)), axis=1)
    return Recognizer(model).predict(landmarks, samples.left_handed)


def moving_letters(clips: Samples) -> np.ndarray:
    """bool (N,): clips of J and Z in which the hand moves; in some sets these letters are held still as well."""
    hands = palm_clips(torch.from_numpy(clips.landmarks), torch.from_numpy(clips.left_handed))
    return np.isin(clips.labels, MOTION) & clips.trusted & clips.found & moves(hands).numpy()
