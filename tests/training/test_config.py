import pytest
import yaml

from sign2sound.errors import UserError
from training.config import load_config


@pytest.fixture
def path(root):
    return root / "training" / "config.yaml"


def test_the_yaml_of_the_repository_is_complete(path):
    config = load_config(path, [])
    assert config.clip_norm == 1.0
    assert config.data.paths == ["data/processed"]


def test_overrides_take_yaml_values(path):
    config = load_config(path, ["epochs=3", "data.paths=[a, b]", "learning_rate=1e-3", "model.dropout=0"])
    assert (config.epochs, config.data.paths, config.learning_rate, config.model.dropout) == (3, ["a", "b"], 0.001, 0)


def test_all_errors_are_reported_at_once(path):
    with pytest.raises(UserError) as error:
        load_config(path, ["epochs=many", "modle.hidden=3", "data.split=folds", "clips.max_frames=0"])
    message = str(error.value)
    assert "4 wrong" in message and "\n" not in message
    for part in ("epochs", "modle", "data.split", "clips.max_frames"):
        assert part in message


@pytest.mark.parametrize("override", ["epochs", "seed.x=1", "data.paths.x=1", "epochs=[1"])
def test_an_override_that_makes_no_sense_is_refused(path, override):
    with pytest.raises(UserError, match="cannot use"):
        load_config(path, [override])


def test_a_missing_key_is_named(path, tmp_path):
    values = yaml.safe_load(path.read_text())
    del values["clip_norm"], values["model"]["layers"]
    short = tmp_path / "config.yaml"
    short.write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"(?s)clip_norm.*model\.layers"):
        load_config(short, [])


@pytest.mark.parametrize("content", ["", "- a\n", "a: [", "\0"])
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "config.yaml"
    file.write_text(content)
    with pytest.raises(UserError) as error:
        load_config(file, [])
    assert "\n" not in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        load_config(tmp_path / "none.yaml", [])


def test_a_yaml_holds_only_what_its_base_has_not(path, tmp_path):
    (tmp_path / "config.yaml").write_text(path.read_text())
    short = tmp_path / "short.yaml"
    short.write_text("base: config.yaml\nepochs: 3\ndata: {split: random, paths: [a]}\n")
    found = load_config(short, ["clips.drift=0.5"]).model_dump()
    expected = load_config(path, ["epochs=3", "data.split=random", "data.paths=[a]", "clips.drift=0.5"]).model_dump()
    assert found == expected


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("base: none.yaml", "cannot read the configuration"),
        ("base: ../config.yaml", "the same folder"),
        ("base: 3", "the same folder"),
        ("base: short.yaml", "base: "),  # its own base
    ],
)
def test_a_base_that_cannot_be_used_is_refused(tmp_path, content, reason):
    (tmp_path / "short.yaml").write_text(content)
    with pytest.raises(UserError, match=reason):
        load_config(tmp_path / "short.yaml", [])


def test_the_kaggle_protocol(root):
    """Random frames of one signer, 85 and 15 of 100, as single frames and hardly varied."""
    config = load_config(root / "training" / "kaggle.yaml", [])
    assert (config.data.split, config.data.validation_share, config.clips.max_frames) == ("random", 0.15, 1)
    assert config.model == load_config(root / "training" / "config.yaml", []).model
