"""Train the landmark GRU: python training/train.py --config training/config.yaml [key=value ...]

A recipe in training/images/recipes in place of config.yaml trains an image CNN.
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports
    from training.command import parse_command

    before_imports(parse_command)

import argparse
import csv
import ctypes
import io
import json
import math
import multiprocessing
import platform
import random
import time
from contextlib import nullcontext
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from data.dataset import Samples
from sign2sound.checkpoint import load_checkpoint, restore, save_checkpoint
from sign2sound.errors import UserError, run
from sign2sound.files import atomic_write, claim_folders, counted
from sign2sound.model import LandmarkGRU, find_device
from training.batches import TrainingSet
from training.calibration import fit_temperature
from training.command import parse_command
from training.config import Config, ImageConfig
from training.images.batches import PictureSet
from training.images.cnn import ImageCNN
from training.images.pictures import Pictures
from training.split import split_samples
from training.tasks import task_of

_CYCLE_EPOCHS = 8  # of schedule cyclic, from the lowest learning rate to the lowest
_WORTH_THREADS = 64  # single frames in a batch: of fewer, threads wait for one another longer than they save
_M_MMAP_MAX, _M_TRIM_THRESHOLD = -4, -1  # of glibc's malloc.h
_IN_WORKER = True if multiprocessing.parent_process() else None  # None: no progress bar unless in a terminal
HISTORY = ("epoch", "seconds", "learning_rate", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def main() -> None:
    arguments, config = parse_command()
    with claim_folders(arguments.output, arguments.results):
        train(arguments, config)


def train(arguments: argparse.Namespace, config: Config | ImageConfig) -> None:
    device = find_device(config.device)
    precision = choose_precision(config.precision, device)
    torch.manual_seed(config.seed)
    torch.set_num_threads(choose_threads(config, torch.get_num_threads()))
    keep_freed_memory()

    stills, clips, validation = load_data(config)
    training_set = task_of(config).make_training_set(stills, clips, device)
    model = task_of(config).make_model().to(device)
    sources = {
        "training_sources": sorted(map(str, {*stills.sources, *(clips.sources if clips else ())})),
        "validation_sources": sorted(map(str, {*validation.sources})),
    }
    trainer = Trainer(model, training_set, config, device, precision, sources)
    latest = claim_output(arguments.output, arguments.resume, arguments.fresh)
    if latest:
        trainer.resume(latest)
    if isinstance(config, ImageConfig):
        with atomic_write(arguments.output / "classes.json") as file:
            file.write((json.dumps(config.model.classes) + "\n").encode())

    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"model: {parameters:,} parameters; device: {describe(device)}; precision: {precision}")
    print(
        f"data: {counted(len(stills), 'still')} and {counted(0 if clips is None else len(clips), 'clip')} to train on, "
        f"{counted(len(validation), 'still')}"
    )
    print(f"      to validate on ({config.data.split} split), from {', '.join(sources['training_sources'])}")

    while not trainer.finished:
        trainer.train_epoch()
        trainer.validate(validation)
        print(describe_epoch(trainer.history[-1]), flush=True)
        trainer.save(arguments.output)
        write_history(trainer.history, arguments.results)
        if trainer.epoch % config.checkpoint_every == 0:
            draw_curves(trainer.history, arguments.results)
    write_history(trainer.history, arguments.results)  # here too: a run killed after its last checkpoint did not come to it
    draw_curves(trainer.history, arguments.results)

    best = max(trainer.history, key=lambda row: row["validation_accuracy"])
    memory = peak_memory(device)
    about = {
        "epochs": trainer.epoch,
        "seconds": trainer.seconds,
        "best_epoch": best["epoch"],
        "best_accuracy": best["validation_accuracy"],
        "parameters": parameters,
        "peak_memory_mib": memory,
        "device": describe(device),
        "precision": precision,
        **sources,
    }
    with atomic_write(arguments.output / "run.json") as file:
        file.write((json.dumps(about, indent=1) + "\n").encode())
    print(f"best: {best['validation_accuracy']:.2%} of the validation stills, epoch {best['epoch']}, {best['seconds']:.0f} s")
    print(f"trained {counted(trainer.epoch, 'epoch')} in {trainer.seconds:.0f} s; peak memory {memory or '–'} MiB")
    data = " ".join(map(str, config.data.paths))
    print(
        f"wrote best_model.pth and run.json in {arguments.output}, history.csv and curves.png in {arguments.results}; "
        f"next: python training/evaluate.py --model {arguments.output}/best_model.pth --data {data}"
    )


def choose_precision(name: str, device: torch.device) -> str:
    if name == "fp16" and device.type == "cpu":
        raise UserError("precision is fp16, which is for CUDA; on a CPU use precision=auto, bf16 or fp32")
    if name != "auto":
        return name
    if device.type == "cuda":
        return "fp16"
    return "bf16" if torch.cpu.get_capabilities().get("amx_bf16") else "fp32"


def choose_threads(config: Config | ImageConfig, available: int) -> int:
    """By rule, not by measurement: with as many threads the same seed gives the same weights."""
    only_small = isinstance(config, Config) and not config.sequences.share and config.batch_size < _WORTH_THREADS
    return 1 if only_small else available


def keep_freed_memory() -> None:
    """Have Linux's C library keep large blocks for the next step instead of mapping new ones: on a CPU the image models spend a
    third of their time on that, sequences of landmarks a tenth. Elsewhere, nothing is done."""
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)


def load_data(config: Config | ImageConfig) -> tuple[Samples | Pictures, Samples | None, Samples | Pictures]:
    """Stills and clips to train on, and stills to validate on."""
    stills, clips = task_of(config).load(config.data.paths)
    present = {*stills.sources, *(clips.sources if clips else ())}
    if missing := sorted({*config.data.validation_sources, *config.data.test_sources} - present):
        raise UserError(f"no source named {', '.join(missing)}; found {', '.join(sorted(present))}")

    training, validation = (rows & stills.found for rows in split_samples(stills, config.data, config.seed))
    for part, rows in (("train", training), ("validate", validation)):
        if not rows.any():
            raise UserError(f"no stills to {part} on in {', '.join(config.data.paths)} with data.split={config.data.split}")
    if len(shown := {*stills.labels[training]}) == 1:
        only = stills.classes[shown.pop()]
        raise UserError(f"all stills to train on show {only}; training needs pictures of two classes or more")
    if clips is not None:
        clips = clips[split_samples(clips, config.data, config.seed)[0] & clips.found]
    return stills[training], clips, stills[validation]


def claim_output(output: Path, resume: bool, fresh: bool) -> Path | None:
    """The checkpoint to resume from, if any. Refuses a folder in which checkpoints would be lost."""
    latest = output / "latest.pth"
    if resume:
        return latest
    present = sorted(output.glob("*.pth"))  # latest.pth last, so that a kill on the way leaves the folder a run's
    is_runs = any(path == latest or path.match("checkpoint_epoch_*.pth") for path in present)
    if fresh and is_runs:
        for path in present:
            path.unlink()
    elif is_runs:
        raise UserError(
            f"{output} holds a run already; go on with --resume, start over it with --fresh, or name another --output"
        )
    elif present:
        raise UserError(f"{output} holds {present[0].name}, which is no run's; name another --output")
    return None


def make_scheduler(
    optimizer: torch.optim.Optimizer, config: Config | ImageConfig, steps_per_epoch: int
) -> torch.optim.lr_scheduler.LRScheduler:
    schedulers = torch.optim.lr_scheduler
    rate = config.learning_rate
    if config.schedule == "one_cycle":
        return schedulers.OneCycleLR(optimizer, rate, total_steps=config.epochs * steps_per_epoch, pct_start=0.2)
    if config.schedule == "cyclic":
        half = _CYCLE_EPOCHS // 2 * steps_per_epoch
        return schedulers.CyclicLR(optimizer, rate / 10, rate, step_size_up=half, cycle_momentum=False)
    if config.schedule == "constant":
        return schedulers.ConstantLR(optimizer, factor=1)
    return schedulers.ReduceLROnPlateau(
        optimizer,
        mode="min" if config.watch == "validation_loss" else "max",
        factor=config.plateau_factor,
        patience=config.plateau_patience - 1,
        min_lr=config.lowest_learning_rate,
    )


class Trainer:
    """One run's state, and the steps that change it."""

    def __init__(
        self,
        model: LandmarkGRU | ImageCNN,
        training_set: TrainingSet | PictureSet,
        config: Config | ImageConfig,
        device: torch.device,
        precision: str,
        sources: dict,
    ):
        self.model, self.training_set, self.config = model, training_set, config
        self.device, self.precision, self.sources = device, precision, sources
        self.task = task_of(config)
        self.steps_per_epoch = max(math.ceil(len(training_set) / config.batch_size), config.epoch_batches)
        self.optimizer = self.task.make_optimizer(model)
        self.scheduler = make_scheduler(self.optimizer, config, self.steps_per_epoch)
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self.generator = torch.Generator(device).manual_seed(config.seed)
        self.epoch = 0
        self.seconds = 0.0  # from the start of the run, saving and drawing included, pauses before --resume not
        self._clock = time.perf_counter()
        self.history: list[dict] = []

    @property
    def finished(self) -> bool:
        stops_early = self.config.schedule != "one_cycle"
        levelled_off = stops_early and self._epochs_since_best(self.config.watch) >= self.config.stop_patience
        return self.epoch >= self.config.epochs or levelled_off

    def train_epoch(self) -> None:
        self.epoch += 1
        self.model.train()
        totals = torch.zeros(3, device=self.device)  # loss, right, weight: summed on the device, read once, for a GPU to go on
        name = f"epoch {self.epoch}/{self.config.epochs}"
        choices = random.Random(f"{self.config.seed}, epoch {self.epoch}")
        batches = self.task.batches(self.training_set, self.steps_per_epoch, choices, self.generator)
        for batch in tqdm(batches, name, self.steps_per_epoch, leave=False, disable=_IN_WORKER):
            with self._autocast():
                logits = self.task.logits(self.model, batch.features)
            losses = cross_entropy(
                logits.flatten(0, -2).float(),
                batch.labels.flatten(),
                label_smoothing=self.config.label_smoothing,
                reduction="none",
            )
            weights = batch.weights.flatten()
            loss = (losses * weights).sum() / weights.sum().clamp(min=1)

            self.optimizer.zero_grad(set_to_none=True)
            self.scaler.scale(loss).backward()
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            if self.config.schedule in ("one_cycle", "cyclic"):
                self.scheduler.step()

            right = (logits.detach().argmax(-1) == batch.labels).flatten() * weights
            totals += torch.stack([(losses.detach() * weights).sum(), right.sum(), weights.sum()])
        loss, right, weight = totals.tolist()
        refuse_infinite(loss, self.epoch)
        self.history.append(
            {
                "epoch": self.epoch,
                "learning_rate": self.optimizer.param_groups[0]["lr"],
                "train_loss": loss / weight,
                "train_accuracy": right / weight,
            }
        )

    def validate(self, stills: Samples | Pictures) -> None:
        """Accuracy as users get it, in fp32. Also sets the model's temperature."""
        self.model.temperature = 1.0
        probabilities = torch.from_numpy(self.task.predict(self.model, stills, self.device))
        labels = torch.from_numpy(stills.labels)
        accuracy = (probabilities.argmax(1) == labels).float().mean().item()
        loss = -probabilities[torch.arange(len(labels)), labels].clamp(min=1e-12).log().mean().item()
        refuse_infinite(loss, self.epoch)
        self.model.temperature = fit_temperature(probabilities.clamp(min=1e-12).log(), labels)
        now = time.perf_counter()
        self.seconds += now - self._clock
        self._clock = now
        self.history[-1] |= {"validation_loss": loss, "validation_accuracy": accuracy, "seconds": self.seconds}
        if self.config.schedule == "plateau":
            self.scheduler.step(self.history[-1][self.config.watch])

    def save(self, output: Path) -> None:
        """latest.pth, with all that resuming needs, and what is due of checkpoint_epoch_N.pth and best_model.pth."""
        state = {
            "optimizer_state_dict": self.optimizer.state_dict(),
            "scheduler_state_dict": self.scheduler.state_dict(),
            "scaler_state_dict": self.scaler.state_dict(),
            "random_state": {
                "torch": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
                "batches": self.generator.get_state(),
            },
            "history": self.history,
        }
        about = {
            "config": self.config.model_dump(),
            "epoch": self.epoch,
            "metrics": self.history[-1] | self.sources,
        }
        save_checkpoint(output / "latest.pth", self.model, **about, **state)  # first: from it `resume` makes the others
        if self.epoch % self.config.checkpoint_every == 0:
            save_checkpoint(output / f"checkpoint_epoch_{self.epoch}.pth", self.model, **about, **state)
        if self._epochs_since_best("validation_accuracy") == 0:
            save_checkpoint(output / "best_model.pth", self.model, **about)

    def resume(self, path: Path) -> None:
        """Go on after the last epoch that was saved, as if it had never stopped."""
        checkpoint = load_checkpoint(path)
        changed = sorted(
            key
            for key, value in self.config.model_dump().items()
            if key not in ("epochs", "device") and checkpoint.get("config", {}).get(key) != value
        )
        if changed:
            raise UserError(
                f"{path} was trained with other values of {', '.join(changed)}; give the same, or start with --fresh"
            )
        if "optimizer_state_dict" not in checkpoint:
            raise UserError(f"{path} holds weights only, nothing to resume from; expected a run's latest.pth")
        restore(self.model, checkpoint, path)
        try:
            self._restore_state(checkpoint)
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, IndexError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:80]}"
            raise UserError(f"{path} is damaged, so the run cannot go on ({reason}); start it over with --fresh") from error
        best = path.with_name("best_model.pth")
        saved = self._epochs_since_best("validation_accuracy") or best.exists() and load_checkpoint(best)["epoch"] == self.epoch
        due = self.epoch % self.config.checkpoint_every == 0
        if not saved or due and not path.with_name(f"checkpoint_epoch_{self.epoch}.pth").exists():
            self.save(path.parent)  # killed between the files
        print(f"resumed after epoch {self.epoch}")

    def _restore_state(self, checkpoint: dict) -> None:
        """All but the model. Raises many kinds of errors where the checkpoint is damaged."""
        self.optimizer.load_state_dict(checkpoint["optimizer_state_dict"])
        for group in self.optimizer.param_groups:  # neither the optimizer nor the scheduler looks at what it is given
            for weight in group["params"]:
                for name in ("step", "exp_avg", "exp_avg_sq"):
                    value = self.optimizer.state[weight][name]
                    if value.shape not in ((), weight.shape) or not value.isfinite().all():
                        raise ValueError(f"the optimizer's {name}")
        if {*checkpoint["scheduler_state_dict"]} != {*self.scheduler.state_dict()}:
            raise ValueError("the scheduler's state")
        self.scheduler.load_state_dict(checkpoint["scheduler_state_dict"])
        self.scaler.load_state_dict(checkpoint["scaler_state_dict"])
        random_state = checkpoint["random_state"]
        torch.set_rng_state(random_state["torch"])
        if self.device.type == "cuda" and random_state["cuda"] is not None:
            torch.cuda.set_rng_state(random_state["cuda"])
        self.generator.set_state(random_state["batches"])
        self.epoch, self.history = checkpoint["epoch"], checkpoint["history"]
        if self.epoch != len(self.history) or any({*row} != {*HISTORY} for row in self.history):
            raise ValueError("the history")
        self.seconds = self.history[-1]["seconds"]

    def _autocast(self):
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.float16 if self.precision == "fp16" else torch.bfloat16)

    def _epochs_since_best(self, watch: str) -> int:
        values = [row[watch] for row in self.history]
        best = min if watch == "validation_loss" else max
        return len(values) - 1 - values.index(best(values)) if values else 0


def refuse_infinite(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise UserError(
            f"the loss is {loss} in epoch {epoch}; lower learning_rate, or use precision=fp32; saved epochs are kept"
        )


def describe_epoch(row: dict) -> str:
    parts = (
        f"{name} loss {row[f'{part}_loss']:.3f} accuracy {row[f'{part}_accuracy']:.2%}"
        for name, part in (("training", "train"), ("validation", "validation"))
    )
    return f"epoch {row['epoch']:3d}  {row['seconds']:6.0f} s  {'  '.join(parts)}"


def write_history(history: list[dict], folder: Path) -> None:
    """history.csv"""
    table = io.StringIO()
    writer = csv.DictWriter(table, HISTORY)
    writer.writeheader()
    writer.writerows(history)
    with atomic_write(folder / "history.csv") as file:
        file.write(table.getvalue().encode())


def draw_curves(history: list[dict], folder: Path) -> None:
    """Loss and accuracy by epoch: curves.png"""
    matplotlib.use("Agg")
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
        for part in ("train", "validation"):
            axis.plot(epochs, [row[f"{part}_{quantity}"] for row in history], label=part)
        axis.set(xlabel="epoch", ylabel=quantity)
        axis.grid(alpha=0.3)
        axis.legend()
    with atomic_write(folder / "curves.png") as file:
        figure.savefig(file, dpi=120)
    plt.close(figure)


def describe(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU ({platform.processor() or platform.machine()}, {torch.get_num_threads()} threads)"


def peak_memory(device: torch.device) -> int | None:
    """MiB, of the GPU where there is one, else of this process; None on Windows, which does not say."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 2**20)
    try:
        import resource
    except ImportError:
        return None
    scale = 1 if platform.system() == "Darwin" else 1024  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 2**20)


if __name__ == "__main__":
    run(main)
