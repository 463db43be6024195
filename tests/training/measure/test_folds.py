from pathlib import Path

import pytest

from sign2sound.checkpoint import save_checkpoint
from sign2sound.errors import UserError
from training.measure.folds import Source, deal, load_folds, refuse_if_seen


def test_sources_are_dealt_to_and_fro():
    """Those with moving letters first, then by letters and stills."""
    sources = {
        "motion": Source(True, 0, 0),
        "mover": Source(True, 24, 10),
        "whole": Source(False, 24, 50),
        "less": Source(False, 24, 40),
        "few": Source(False, 3, 900),
        "none": Source(False, 0, 0),
    }
    assert deal(sources, 2) == [["few", "less", "mover"], ["motion", "none", "whole"]]
    assert deal(sources, 6) == deal(sources, 99) == [["mover"], ["motion"], ["whole"], ["less"], ["few"], ["none"]]
    assert deal(dict(reversed(sources.items())), 2) == deal(sources, 2)


def test_the_same_people_are_in_one_fold():
    sources = {name: Source(False, 4, 1) for name in ("ardamavi", "anna", "not_letters", "ben")}
    folds = deal(sources, 8)
    assert sorted(folds) == [["anna"], ["ardamavi", "not_letters"], ["ben"]]
    with pytest.raises(UserError, match="nobody to leave out, found ardamavi, not_letters"):
        deal({name: sources[name] for name in ("ardamavi", "not_letters")}, 8)


def test_a_model_that_saw_whom_it_measures_is_refused(model, tmp_path):
    path = tmp_path / "fold_1.pth"

    def save(*trained_on):
        about = {"config": {"data": {"test_sources": ["ardamavi"]}}, "epoch": 1}
        save_checkpoint(path, model, **about, metrics={"training_sources": list(trained_on)})

    save("anna")
    assert load_folds(tmp_path, ["ardamavi"])["ardamavi"].left_out == ["ardamavi"]
    with pytest.raises(UserError, match="no model in .* was trained without anna"):
        load_folds(tmp_path, ["ardamavi", "anna"])
    for seen in ("ardamavi", "not_letters"):  # the latter under another name
        save("anna", seen)
        with pytest.raises(UserError, match=f"was trained on {seen}, so it cannot be measured"):
            load_folds(tmp_path, ["ardamavi"])
    with pytest.raises(UserError, match="does not say what it was trained on"):
        refuse_if_seen(Path("old.pth"), {"metrics": {}}, ["anna"])
