"""The hand in each of many pictures, looked for by processes of this machine or by the workers of a Dask cluster."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from itertools import islice
from multiprocessing.util import Finalize

from data.places import Place, is_address
from sign2sound.errors import UserError
from sign2sound.files import unescaped
from sign2sound.pictures import BrokenPicture, decode_picture

_CHUNK = 8  # pictures that a worker is given at once
_AHEAD = 2048  # chunks that are given out before the first of them must be answered, since answers are taken in order
_MOST_DEATHS = 40  # of workers in a row, each by another picture, that are still the pictures' fault
_PATIENCE = 30  # seconds without an answer, after which the cluster is asked for its workers
_NO_SUCH_FILE = FileNotFoundError, PermissionError, IsADirectoryError
_FATAL = "it killed the process that read it, twice"

Answer = dict | str  # what is seen in a picture, or the reason why it cannot be read


@contextmanager
def look_at_all(root: Place, paths: Iterable[str], workers: int | None, cluster: str | None) -> Iterator[Iterator[Answer]]:
    """`look_at` for each of `paths` below `root`, in order, at work from the start of the block to its end.

    workers: processes of this machine, one per core by default; cluster: the address of a Dask scheduler, whose workers are
    used instead, those that come later too. A worker that ends costs its pictures a second look. Raises UserError where no
    scheduler answers, or where every worker ends.
    """
    with ExitStack() as stack:
        pool = _Cluster(stack, cluster) if cluster else _Processes(stack, workers or os.cpu_count())
        paths = iter(paths)
        chunks = iter(lambda: list(islice(paths, _CHUNK)), [])
        waiting = deque((chunk, pool.submit(root, chunk)) for chunk in islice(chunks, _AHEAD))
        yield _answers(pool, root, chunks, waiting)


def _answers(pool, root: Place, chunks: Iterator[list[str]], waiting: deque[tuple[list[str], Future]]) -> Iterator[Answer]:
    """The answers of the chunks `waiting`, and of `chunks`, which are given out as others are answered."""
    deaths = 0
    while waiting:
        chunk, future = waiting.popleft()
        try:
            yield from pool.answer(future)
            deaths = 0
        except CancelledError:
            raise UserError("the cluster's scheduler has gone; the same command goes on, once it is back") from None
        except pool.death:
            # One of the pictures that workers had been given killed its worker. Alone, each shows whether it was that one.
            suspects = [chunk, *(waiting.popleft()[0] for _ in range(min(len(waiting), pool.at_risk - 1)))]
            for path in (path for chunk in suspects for path in chunk):
                try:
                    yield from pool.alone(root, path)
                    deaths = 0
                except pool.death:
                    yield _FATAL
                    deaths += 1
            if deaths >= _MOST_DEATHS:
                raise UserError(
                    "every worker process is killed, perhaps for want of memory; the same command goes on, with fewer --workers"
                ) from None
            waiting = pool.given_again(root, waiting)
        except (ImportError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "deserializ" not in str(error):
                raise
            reason = " ".join(str(error).split())[:80]
            raise UserError(
                f"the cluster cannot run this program ({reason}); start scheduler and workers in a clone and this environment"
            ) from error
        for chunk in islice(chunks, _AHEAD - len(waiting)):
            waiting.append((chunk, pool.submit(root, chunk)))


class _Processes:
    """Worker processes of this machine."""

    death = BrokenProcessPool

    def __init__(self, stack: ExitStack, workers: int):
        self._stack = stack
        self._workers = min(workers, 61)  # Windows can't wait for more than 61 processes
        self.at_risk = 2 * self._workers + 1  # chunks that workers may have been given and not answered
        self._pool = self._started(self._workers)
        self._lone = None

    def submit(self, root: Place, chunk: list[str]) -> Future:
        try:
            return _submit(self._pool, root, chunk)
        except BrokenProcessPool as error:  # by an earlier chunk, whose turn to be answered comes
            broken = Future()
            broken.set_exception(error)
            return broken

    def answer(self, future: Future) -> list[Answer]:
        return future.result()

    def alone(self, root: Place, path: str) -> list[Answer]:
        self._lone = self._lone or self._started(1)
        try:
            return _submit(self._lone, root, [path]).result()
        except BrokenProcessPool:
            self._lone = None
            raise

    def given_again(self, root: Place, waiting: deque) -> deque:
        """All that `waiting` was given to ended with the one that was killed."""
        self._pool = self._started(self._workers)
        return deque((chunk, self.submit(root, chunk)) for chunk, _ in waiting)

    def _started(self, workers: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")  # MediaPipe's threads don't survive a fork
        pool = ProcessPoolExecutor(workers, context, initializer=_start_worker)
        self._stack.callback(pool.shutdown, cancel_futures=True)
        return pool


def _submit(pool: ProcessPoolExecutor, root: Place, chunk: list[str]) -> Future:
    """Ctrl-C is for this process alone: the processes that a pool starts as it is given work inherit the deafness."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return pool.submit(look_at, root, chunk)
    finally:
        signal.signal(signal.SIGINT, interrupt)


class _Cluster:
    """The workers of a Dask cluster. Its scheduler gives the work of one that ends to another."""

    at_risk = 1  # the scheduler says which

    def __init__(self, stack: ExitStack, address: str):
        try:
            from distributed import Client, KilledWorker
        except ImportError as error:
            raise UserError("--cluster needs Dask, here and on the workers: pip install distributed") from error
        self.death = KilledWorker
        try:
            client = stack.enter_context(Client(address, set_as_default=False))
        except (OSError, ValueError) as error:
            raise UserError(f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`") from error
        self._client, self._executor = client, client.get_executor(pure=False)
        stack.callback(self._executor.shutdown, wait=False)

    def submit(self, root: Place, chunk: list[str]) -> Future:
        return self._executor.submit(look_at, root, chunk)

    def answer(self, future: Future) -> list[Answer]:
        """Workers may come at any time, also after the last has ended; so this waits, but not in silence."""
        while not wait([future], _PATIENCE).done and self._client.scheduler_info()["workers"]:
            pass
        if not future.done():
            print("waiting for workers, of which the cluster has none: start some with `dask worker`", file=sys.stderr)
        return future.result()

    def alone(self, root: Place, path: str) -> list[Answer]:
        return self.answer(self.submit(root, [path]))

    def given_again(self, root: Place, waiting: deque) -> deque:
        return waiting


# What a worker does

_landmarker = None  # a worker's own, for one of its threads at a time
_one_at_a_time = threading.Lock()


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker would wait for ever for the next task of a parent that was killed."""
    multiprocessing.parent_process().join()
    os._exit(1)


def look_at(root: Place, paths: list[str]) -> list[Answer]:
    """What a worker sees in each of these pictures below `root`, a folder or an address."""
    with _one_at_a_time:
        contents = root.read([unescaped(path) for path in paths])
        for content in contents:
            if isinstance(content, Exception) and is_address(root) and not isinstance(content, _NO_SUCH_FILE):
                raise content  # the network's fault, which is no picture's
        return [_look(content) for content in contents]


def _look(content: bytes | Exception) -> Answer:
    global _landmarker
    if _landmarker is None:  # not in _start_worker, from which an error would not reach the user
        from sign2sound.landmarker import Landmarker  # MediaPipe: slow to import, and the parent does not need it

        _landmarker = Landmarker()
        Finalize(None, _landmarker.close, exitpriority=0)  # atexit comes after the end of the thread that closing needs
    try:
        if isinstance(content, Exception):
            return getattr(content, "strerror", None) or type(content).__name__
        picture = decode_picture(content)
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
