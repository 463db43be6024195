import sys

import cv2
import numpy as np
import pytest

from scripts import check_signer
from sign2sound.labels import STATIC_LETTERS


def test_it_prints_a_row_per_letter_draws_every_sign_and_names_a_bar_that_is_missed(root, tmp_path, monkeypatch, capsys):
    sheet = tmp_path / "signs.png"
    arguments = ["--model", str(root / "checkpoints" / "best_model.pth"), "--output", str(sheet)]
    monkeypatch.setattr(sys, "argv", ["check_signer.py", *arguments])
    monkeypatch.setattr(check_signer, "FRAME_RATE", 1e6)
    with pytest.raises(SystemExit, match=r"^frames/s .*, expected 1e\+06 or more$"):
        check_signer.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:25]] == list(STATIC_LETTERS)
    assert lines[25].split()[:2] == ["all", "24"] and lines[25].endswith("of 24 right")
    picture = cv2.imread(str(sheet))
    assert picture.shape == (4 * 240, 7 * 240, 3)  # 27 signs in rows of 7
    assert (picture[-240:, -240:] == 0).all() and picture[-240:, -480:-240].any()


def test_each_source_gives_the_pose_nearest_to_its_mean(tmp_path):
    random = np.random.default_rng(0)
    hand = random.normal(size=(21, 3)).astype(np.float32)
    outlier = random.normal(size=(21, 3)).astype(np.float32)
    np.savez(
        tmp_path / "one.npz",
        landmarks=np.stack([outlier, hand, hand, hand * 40, outlier]),
        label=np.array(["A", "A", "A", "A", "B"]),
        left_handed=np.zeros(5, dtype=bool),
        trusted=np.array([True, True, True, True, False]),
    )
    poses = check_signer.signers_poses([tmp_path / "one.npz"])
    assert len(poses["A"]) == 1 and poses["B"] == []
    centred = hand - hand[0]
    scale = centred[9] @ poses["A"][0][9] / (centred[9] @ centred[9])
    assert poses["A"][0] == pytest.approx(centred * scale, abs=1e-4)
