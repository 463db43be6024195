from pathlib import Path

import pytest
import torch
from PIL import Image

from sign2sound.model import LandmarkGRU

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository, which is no part of it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the data in {folder}")
    return folder


@pytest.fixture
def model() -> LandmarkGRU:
    """An untrained model, always the same, with weights large enough for its answers to differ plainly between hands."""
    torch.manual_seed(0)
    model = LandmarkGRU()
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 3
    return model.eval()


@pytest.fixture(scope="session")
def is_drawn():
    """Whether a file is a picture that shows something: more than a plain ground."""

    def drawn(path: Path) -> bool:
        with Image.open(path) as image:
            shades = image.convert("L").getextrema()
        return min(image.size) > 100 and shades[1] - shades[0] > 100

    return drawn
