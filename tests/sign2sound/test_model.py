import pytest
import torch

from sign2sound.errors import UserError
from sign2sound.model import LandmarkGRU, find_device


def test_names_sizes_and_210077_parameters():
    model = LandmarkGRU()
    assert {name: type(module).__name__ for name, module in model.named_children()} == {
        "fc_input": "Linear",
        "gru": "GRU",
        "fc_output": "Linear",
    }
    assert sum(weight.numel() for weight in model.parameters()) == 210_077
    # 63·128 + 128, two layers of 3·(128·128 + 128·128 + 128 + 128), 128·29 + 29
    assert 8_192 + 2 * 99_072 + 3_741 == 210_077
    assert (model.gru.num_layers, model.gru.hidden_size, model.gru.dropout) == (2, 128, 0.3)
    assert model.sizes == {"hidden": 128, "layers": 2, "dropout": 0.3}


def test_every_frame_has_logits_and_sees_nothing_later(model):
    clip = torch.randn(4, 10, 63)
    logits, state = model(clip)
    assert logits.shape == (4, 10, 29)
    assert state.shape == (2, 4, 128)
    torch.testing.assert_close(model(clip[:, :3])[0], logits[:, :3])


@pytest.mark.parametrize("parts", [[10], [1] * 10, [3, 1, 6]])
def test_a_clip_fed_in_parts_reads_like_the_whole(model, parts):
    clip = torch.randn(4, 10, 63)
    whole, whole_state = model(clip)
    state, logits = None, []
    for part in clip.split(parts, dim=1):
        step, state = model(part, state)
        logits.append(step)
    torch.testing.assert_close(torch.cat(logits, dim=1), whole)
    torch.testing.assert_close(state, whole_state)
    assert not torch.allclose(model(clip[:, -1:])[0], whole[:, -1:], atol=1e-2)  # what came before counts


def test_devices_are_found_by_name():
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(UserError, match="no device is called 'gpu'"):
        find_device("gpu")
