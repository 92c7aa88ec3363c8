"""Checkpoints that cannot be used, and what is said about each."""

import os
import pickle
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from onestep.errors import CheckpointError, GeneratorError, MissingInputError
from onestep.training.base import Base, random_base
from onestep.training.checkpoints.merge import merged_generator
from onestep.training.checkpoints.read import read_checkpoint
from tests.training.published import SEED, paired, unpaired

paired_file = cache(lambda: paired().file)
unpaired_file = cache(lambda: unpaired().file)
stochastic_file = cache(lambda: paired(stochastic=True).file)


def saved(content: Any, path: Path) -> Path:
    """Write a file as the reference does."""
    torch.save(content, path)
    return path


@pytest.fixture
def base() -> Base:
    """The base that the files were made on."""
    return random_base("tiny", seed=SEED)


class RunsACommand:
    """Unpickling this makes a folder."""

    def __init__(self, trap: Path) -> None:
        self.trap = trap

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        """Run `mkdir` when unpickled."""
        return os.system, (f"mkdir {self.trap}",)


@pytest.mark.parametrize("how", ["torch", "pickle 2", "pickle 4"])
def test_code_in_a_pickle_is_named_and_never_run(how: str, tmp_path: Path) -> None:
    trap, path = tmp_path / "sprung", tmp_path / "evil.pkl"
    content = {"rank_unet": RunsACommand(trap)}
    if how == "torch":
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content, protocol=int(how[-1])))
    with pytest.raises(CheckpointError, match=r"asks for (posix|nt)\.system.*refused and nothing of it was run"):
        read_checkpoint(path)
    assert not trap.exists()


def test_a_class_in_a_pickle_is_named(tmp_path: Path) -> None:
    path = saved({"net": torch.nn.Linear(1, 1)}, tmp_path / "module.pkl")
    with pytest.raises(CheckpointError, match=r"asks for torch\.nn\.modules\.linear\.Linear"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_pickle_is_refused(share: float, tmp_path: Path) -> None:
    whole = saved(paired_file(), tmp_path / "whole.pkl").read_bytes()
    (tmp_path / "cut.pkl").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=r"cut\.pkl \([\d,]+ bytes\) is damaged or no checkpoint"):
        read_checkpoint(tmp_path / "cut.pkl")


@pytest.mark.parametrize(
    "garbage", [bytes(range(256)) * 8, b"." * 64, b"\x80\x02J\x01", b"", *map(random.Random(0).randbytes, [300] * 100)]
)
def test_garbage_is_refused(garbage: bytes, tmp_path: Path) -> None:
    (tmp_path / "garbage.pkl").write_bytes(garbage)
    with pytest.raises(CheckpointError, match=r"garbage\.pkl .* is damaged or no checkpoint"):
        read_checkpoint(tmp_path / "garbage.pkl")


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"none\.pkl does not exist"):
        read_checkpoint(tmp_path / "none.pkl")


def test_another_table_is_no_checkpoint(tmp_path: Path) -> None:
    path = saved({"state_dict": {}, "epoch": 3}, tmp_path / "other.pkl")
    with pytest.raises(CheckpointError, match="no checkpoint of CycleGAN-Turbo or pix2pix-turbo: it holds state_dict"):
        read_checkpoint(path)


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds a list and no table by name"):
        read_checkpoint(saved([torch.ones(1)], tmp_path / "list.pkl"))


def test_a_lost_entry_is_named(tmp_path: Path) -> None:
    content = {key: value for key, value in unpaired_file().items() if key != "sd_other"}
    with pytest.raises(CheckpointError, match="lacks sd_other: the checkpoint is incomplete"):
        read_checkpoint(saved(content, tmp_path / "lost.pkl"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rank_unet", "8", "'rank_unet' should be a whole number"),
        ("vae_lora_target_modules", 3, "'vae_lora_target_modules' should be a list of names"),
        ("state_dict_vae", [1], "'state_dict_vae' should be a table of tensors"),
    ],
)
def test_an_entry_of_another_type_is_named(key: str, value: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(saved({**paired_file(), key: value}, tmp_path / "typed.pkl"))


def test_half_a_pair_is_named(tmp_path: Path) -> None:
    content = dict(paired_file())
    name = "mid_block.attentions.0.proj_in.lora_B"
    content["state_dict_unet"] = {k: v for k, v in content["state_dict_unet"].items() if not k.startswith(name)}
    with pytest.raises(CheckpointError, match=rf"lacks {name}\.weight"):
        read_checkpoint(saved(content, tmp_path / "half.pkl"))


def test_another_adapter_than_lora_is_named(tmp_path: Path) -> None:
    content = dict(paired_file())
    content["state_dict_unet"] = {**content["state_dict_unet"], "a.lora_magnitude_vector.default.weight": torch.ones(1)}
    with pytest.raises(CheckpointError, match="lora_magnitude_vector.*Only LoRA can be merged"):
        read_checkpoint(saved(content, tmp_path / "dora.pkl"))


def test_tensors_that_do_not_fit_are_listed_before_anything_is_computed(base: Base, tmp_path: Path) -> None:
    content = dict(paired_file())
    state = dict(content["state_dict_unet"])
    pair = "mid_block.attentions.0.proj_in.lora_{}.default.weight"
    state.pop(pair.format("A")), state.pop(pair.format("B"))
    state["conv_in.weight"] = torch.ones(1, 4, 3, 3)
    state["conv_in.bias"] = state["conv_in.bias"].to(torch.int32)
    state["conv_in.colour"] = torch.ones(1)
    before = {name: tensor.clone() for name, tensor in base.unet.state_dict().items()}
    path = saved({**content, "state_dict_unet": state}, tmp_path / "edges.pkl")
    with pytest.raises(CheckpointError) as caught:
        merged_generator(base, read_checkpoint(path), prompt="")
    message = str(caught.value)
    assert "does not go with the base tiny" in message
    assert "1 missing: unet mid_block.attentions.0.proj_in" in message
    assert "1 unknown to the base: unet conv_in.colour" in message
    assert "unet conv_in.weight [1, 4, 3, 3] instead of [48, 4, 3, 3]" in message
    assert "1 not floating-point: unet conv_in.bias int32" in message
    assert all(torch.equal(before[name], tensor) for name, tensor in base.unet.state_dict().items())


def test_a_paired_file_without_its_trained_first_layer_is_refused(tmp_path: Path) -> None:
    content = dict(paired_file())
    content["state_dict_unet"] = {k: v for k, v in content["state_dict_unet"].items() if not k.startswith("conv_in")}
    with pytest.raises(CheckpointError, match=r"lacks conv_in\.weight and conv_in\.bias of the UNet"):
        read_checkpoint(saved(content, tmp_path / "edges.pkl"))


def test_weights_that_are_no_numbers_are_named(base: Base, tmp_path: Path) -> None:
    content = dict(paired_file())
    spoilt = content["state_dict_unet"]["conv_in.bias"].clone()
    spoilt[3] = float("nan")
    content["state_dict_unet"] = {**content["state_dict_unet"], "conv_in.bias": spoilt}
    with pytest.raises(CheckpointError, match=r"1 with values that are not finite: unet conv_in\.bias"):
        merged_generator(base, read_checkpoint(saved(content, tmp_path / "edges.pkl")), prompt="")


def test_half_of_a_trained_input_convolution_is_missing_its_bias(base: Base, tmp_path: Path) -> None:
    content = dict(stochastic_file())
    name = "conv_in.conv_in_curr.bias"
    content["state_dict_unet"] = {k: v for k, v in content["state_dict_unet"].items() if k != name}
    with pytest.raises(CheckpointError, match=r"1 missing: unet conv_in\.bias"):
        merged_generator(base, read_checkpoint(saved(content, tmp_path / "sketch.pkl")), prompt="")


def test_a_vae_without_all_its_weights_is_incomplete(base: Base, tmp_path: Path) -> None:
    content = dict(unpaired_file())
    for table in ("sd_vae_enc", "sd_vae_dec"):
        content[table] = {k: v for k, v in content[table].items() if k != "vae_b2a.quant_conv.weight"}
    checkpoint = read_checkpoint(saved(content, tmp_path / "vae.pkl"))
    with pytest.raises(CheckpointError, match="1 missing: b2a vae quant_conv.weight"):
        merged_generator(base, checkpoint, direction="a2b", prompt="")


def test_another_bases_widths_are_recognised(base: Base, tmp_path: Path) -> None:
    content = dict(paired_file())
    wide = {k: torch.ones(8, 2048) for k in content["state_dict_unet"] if "attn2.to_" in k and "lora_A" in k}
    wide = {k: v for k, v in wide.items() if ".to_k." in k or ".to_v." in k}
    content["state_dict_unet"] = {**content["state_dict_unet"], **wide}
    with pytest.raises(CheckpointError, match=r"text is 2048 wide, as SDXL has; the base's is 32\. .*--base"):
        merged_generator(base, read_checkpoint(saved(content, tmp_path / "xl.pkl")), prompt="")


def test_a_paired_file_has_no_directions(base: Base, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(saved(paired_file(), tmp_path / "edges.pkl"))
    with pytest.raises(CheckpointError, match="edges is paired and has no direction 'b2a'; it has: paired"):
        merged_generator(base, checkpoint, direction="b2a", prompt="")


def test_an_unpaired_file_wants_a_direction_and_a_prompt(base: Base, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(saved(unpaired_file(), tmp_path / "day2night.pkl"))
    with pytest.raises(CheckpointError, match="two directions: name one of a2b, b2a"):
        merged_generator(base, checkpoint, prompt="")
    with pytest.raises(CheckpointError, match="stores no prompt for a2b.*domain.*--prompt"):
        merged_generator(base, checkpoint, direction="a2b")


def test_a_base_that_predicts_velocity_is_refused(base: Base, tmp_path: Path) -> None:
    checkpoint = read_checkpoint(saved(paired_file(), tmp_path / "edges.pkl"))
    base.scheduler.register_to_config(prediction_type="v_prediction")
    with pytest.raises(GeneratorError, match="prediction_type 'v_prediction'.*'epsilon'"):
        merged_generator(base, checkpoint, prompt="")
