"""Build the page as files that need no server of ours: python inference/build_site.py, or `make site`."""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import gzip
import hashlib
import json
import posixpath
import re
import shutil
import tempfile
from pathlib import Path

from inference.engine import engine_values, engine_words
from inference.server import PAGE
from sign2sound.checkpoint import load_model
from sign2sound.errors import UserError, run
from sign2sound.features import FEATURES
from sign2sound.files import in_project
from sign2sound.hand import BONES
from sign2sound.hand_model import find_hand_model
from sign2sound.model import LandmarkGRU
from sign2sound.signer import signer_data
from sign2sound.words import Dictionary

EXTRAS = Path(__file__).with_name("site")  # what the page has only where no server is behind it
MEDIAPIPE = Path(__file__).with_name("node_modules") / "@mediapipe" / "tasks-vision"
CHECKPOINT = in_project("checkpoints/best_model.pth")

# Nothing is fetched from anywhere else, and nothing can be sent there. The worker is a blob so that this binds it too.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; connect-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'"
)
HEAD = f"""<meta charset="utf-8">
  <meta http-equiv="Content-Security-Policy" content="{POLICY}">
  <link rel="manifest" href="manifest.webmanifest">
  <script type="module" src="offline.js"></script>"""
_REFERENCE = re.compile(r'"((?:\.{1,2}/)*[\w-][\w./-]*\.(?:js|json|css|svg|webmanifest))"')


class Site:
    """A folder of files named after their content, so that a browser may keep each for ever."""

    def __init__(self, source: Path, output: Path):
        """source: the page as it is written. output: made, or emptied."""
        self._source = source
        self._output = output
        self._names: dict[str, str] = {}  # by the name in the source
        shutil.rmtree(output, ignore_errors=True)

    def write(self, name: str, content: bytes) -> str:
        path = self._output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name

    def write_hashed(self, name: str, content: bytes) -> str:
        """Returns the name with the hash."""
        stem, suffix = posixpath.splitext(name)
        return self.write(f"{stem}-{hashlib.sha256(content).hexdigest()[:8]}{suffix}", content)

    def publish(self, name: str) -> str:
        """Write a file of the source, and before it those that it names in quotation marks, whose new names it is given.
        Returns its own. The files may not name each other in a circle."""
        if name not in self._names:
            content = (self._source / name).read_text(encoding="utf-8")
            content = _REFERENCE.sub(lambda found: f'"{self._renamed(found[1], posixpath.dirname(name))}"', content).encode()
            self._names[name] = self.write(name, content) if name == "index.html" else self.write_hashed(name, content)
        return self._names[name]

    def _renamed(self, reference: str, folder: str) -> str:
        target = posixpath.normpath(posixpath.join(folder, reference))
        if not (self._source / target).is_file():
            return reference
        return posixpath.join(posixpath.dirname(reference), posixpath.basename(self.publish(target)))


def engine_model(model: LandmarkGRU) -> dict:
    """What the weights are of."""
    sizes = {"features": FEATURES, "hidden": model.hidden, "layers": model.sizes["layers"]}
    return {"fingerprint": model.fingerprint, "temperature": model.temperature, **sizes}


def engine_weights(model: LandmarkGRU) -> bytes:
    """All weights, float32, little-endian, one tensor after another in the checkpoint's order."""
    return b"".join(weight.cpu().numpy().astype("<f4").tobytes() for weight in model.state_dict().values())


def build(output: Path) -> None:
    """Build the site in a folder. Raises UserError where something is missing that it is built from."""
    if not MEDIAPIPE.is_dir():
        raise UserError(f"no {MEDIAPIPE}; `make site` fetches it, or `npm ci` in {MEDIAPIPE.parents[2]}")
    model, _ = load_model(CHECKPOINT)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        for part in (PAGE, EXTRAS):
            shutil.copytree(part, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("sw.js"))  # its name has to stay
        site = Site(source, output)
        files = {
            "vision": ("mediapipe.mjs", (MEDIAPIPE / "vision_bundle.mjs").read_bytes()),
            "loader": ("mediapipe.js", (MEDIAPIPE / "wasm" / "vision_wasm_module_internal.js").read_bytes()),
            "wasm": ("mediapipe.wasm", (MEDIAPIPE / "wasm" / "vision_wasm_module_internal.wasm").read_bytes()),
            "landmarks": ("hand_landmarker.task", find_hand_model().read_bytes()),
            "weights": ("letters.bin", engine_weights(model)),
            "words": ("words.txt", engine_words(Dictionary.load()).encode()),
        }
        files = {name: site.write_hashed(f"assets/{file}", content) for name, (file, content) in files.items()}
        about = {"server": False, "files": files, "model": engine_model(model), "values": engine_values()}
        (source / "engine.json").write_text(json.dumps(about), encoding="utf-8")
        (source / "signer.json").write_text(json.dumps(signer_data()), encoding="utf-8")
        site.write("skeleton", json.dumps(BONES).encode())

        page = source / "index.html"
        page.write_text(page.read_text(encoding="utf-8").replace('<meta charset="utf-8">', HEAD), encoding="utf-8")
        site.publish("index.html")
        kept = sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())
        worker = (EXTRAS / "sw.js").read_text(encoding="utf-8")
        site.write("sw.js", f"const FILES = {json.dumps(['./', *kept])};\n{worker}".encode())


def main() -> None:
    argparse.ArgumentParser(description="Build the page as files that need no server of ours, in dist/.").parse_args()
    output = Path(in_project("dist"))
    build(output)
    print(sizes(output))
    print(f"try it: python -m http.server --directory {output}")


def sizes(output: Path) -> str:
    """A table of what the site weighs, and what of that goes over the network where files are compressed with gzip."""
    rows: dict[str, list[int]] = {}
    for path in sorted(output.rglob("*")):
        if path.is_file():
            name = path.relative_to(output).as_posix()
            part = re.sub("-[0-9a-f]{8}", "", name) if name.startswith("assets/") else "page"
            for row in (rows.setdefault(part, [0, 0, 0]), rows.setdefault("total", [0, 0, 0])):
                content = path.read_bytes()
                row[0] += 1
                row[1] += len(content)
                row[2] += len(gzip.compress(content))
    rows["total"] = rows.pop("total")
    lines = [f"{'part':<30}{'files':>6}{'KiB':>10}{'KiB gzip':>10}"]
    for part, (count, size, packed) in rows.items():
        lines.append(f"{part:<30}{count:6}{size / 1024:10.0f}{packed / 1024:10.0f}")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
