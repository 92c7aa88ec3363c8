"""Bases as they are found in the wild: published folder layouts, variants, schedulers, and what is wrong with some."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from onestep.errors import GeneratorError
from onestep.training.base import UNKNOWN_LICENCE, load_base, random_base, save_base
from onestep.training.byte_tokenizer import byte_tokenizer
from onestep.training.generator import OneStep

SD_TURBO_SCHEDULER = {
    "_class_name": "EulerDiscreteScheduler",
    "_diffusers_version": "0.24.0.dev0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "interpolation_type": "linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "sample_max_value": 1.0,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
    "trained_betas": None,
    "use_karras_sigmas": False,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A random tiny base as this project writes it."""
    path = tmp_path / "base"
    save_base(random_base("tiny", seed=1), path)
    return path


def as_published(folder: Path) -> Path:
    """Change a base's folder into the layout of the hub: half-precision variants, vocabulary and merges, no card."""
    half = random_base("tiny", seed=1).half()
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        (folder / part / f"{stem}.safetensors").unlink()
        getattr(half, part).save_pretrained(folder / part, variant="fp16")
        assert [file.name for file in (folder / part).glob("*.safetensors")] == [f"{stem}.fp16.safetensors"]
    shutil.rmtree(folder / "tokenizer")
    (folder / "tokenizer").mkdir()
    tokenizer = byte_tokenizer(positions=77)
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(tokenizer.get_vocab()), encoding="utf-8")
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "!"}
    (folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SD_TURBO_SCHEDULER), encoding="utf-8")
    (folder / "onestep.json").unlink()
    return folder


def test_a_published_folder_loads_in_float32(folder: Path) -> None:
    ours, theirs = random_base("tiny", seed=1).half(), load_base(as_published(folder))
    for part in ("unet", "vae", "text_encoder"):
        loaded = getattr(theirs, part).state_dict()
        assert {tensor.dtype for tensor in loaded.values() if tensor.dtype.is_floating_point} == {torch.float32}
        assert all(torch.equal(loaded[k], v.to(loaded[k].dtype)) for k, v in getattr(ours, part).state_dict().items())
    original = random_base("tiny", seed=1)
    for prompt in ("driving in the night", "", "très long " * 40):
        tokens = [
            base.tokenizer(prompt, padding="max_length", truncation=True, max_length=77).input_ids
            for base in (original, theirs)
        ]
        assert tokens[0] == tokens[1]
    assert theirs.prompt_embedding("driving in the night").shape == (1, 77, 32)


def test_sd_turbos_scheduler_of_another_class_gives_its_alphas(folder: Path) -> None:
    base = load_base(as_published(folder))
    assert isinstance(base.scheduler, DDPMScheduler)
    step = OneStep.from_scheduler(base.scheduler)
    assert step.timestep == 999 and step.x0_limit is None
    assert step.alpha_bar == pytest.approx(0.0046600895, rel=1e-5)  # float32, in whatever order


def test_a_scheduler_that_knows_no_clipping_does_not_clip(folder: Path) -> None:
    """DDPM's default is to clip, and a file of another class has no such line."""
    path = as_published(folder) / "scheduler" / "scheduler_config.json"
    silent = {name: value for name, value in SD_TURBO_SCHEDULER.items() if name != "clip_sample"}
    path.write_text(json.dumps(silent), encoding="utf-8")
    assert OneStep.from_scheduler(load_base(folder).scheduler).x0_limit is None
    path.write_text(json.dumps(silent | {"_class_name": "DDPMScheduler"}), encoding="utf-8")
    assert OneStep.from_scheduler(load_base(folder).scheduler).x0_limit == 1.0


def test_a_schedule_that_ends_in_noise_alone_is_refused() -> None:
    with pytest.raises(GeneratorError, match="ends in pure noise"):
        OneStep.from_scheduler(DDPMScheduler(rescale_betas_zero_snr=True, beta_schedule="scaled_linear"))


def test_a_scheduler_that_clips_is_followed() -> None:
    options = {"beta_schedule": "scaled_linear", "timestep_spacing": "trailing"}
    scheduler = DDPMScheduler(clip_sample=True, clip_sample_range=2.0, **options)
    scheduler.set_timesteps(1)
    latent, noise = torch.randn(1, 4, 4, 4), torch.randn(1, 4, 4, 4)
    theirs = scheduler.step(noise, 999, latent).prev_sample
    assert theirs.abs().max() == pytest.approx(2.0)
    torch.testing.assert_close(
        OneStep.from_scheduler(scheduler).x0_from_noise(latent, noise), theirs, atol=1e-5, rtol=0
    )


def test_sd_turbo_is_known_by_its_folder_and_in_the_hubs_cache(folder: Path, tmp_path: Path) -> None:
    (folder / "onestep.json").unlink()
    assert load_base(folder).licence == UNKNOWN_LICENCE
    snapshot = tmp_path / "models--stabilityai--sd-turbo" / "snapshots" / "b261bac6fd2cf515557d5d0707481eafa0485ec2"
    snapshot.parent.mkdir(parents=True)
    folder.rename(snapshot)
    base = load_base(snapshot)
    assert base.name == "sd-turbo" and "Stability AI's SD-Turbo licence" in base.licence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"onestep\.json cannot be read \(.*get the folder again"),
        ("[1]", r"onestep\.json holds \[1\], and a JSON object was expected"),
        ('{"format": "onestep-base"}', r"onestep\.json names no base: expected name, or base and base_licence"),
    ],
)
def test_a_broken_card_is_named(folder: Path, text: str, message: str) -> None:
    (folder / "onestep.json").write_text(text, encoding="utf-8")
    with pytest.raises(GeneratorError, match=message):
        load_base(folder)


def test_an_unknown_text_encoder_is_named(folder: Path) -> None:
    config = folder / "text_encoder" / "config.json"
    content = {**json.loads(config.read_text(encoding="utf-8")), "architectures": ["T5EncoderModel"]}
    config.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(GeneratorError, match="class T5EncoderModel; supported: CLIPTextModel"):
        load_base(folder)


@pytest.mark.parametrize(
    ("said", "size"), [(None, (512, 512)), ((32, 64), (512, 256)), ([32, 64], (512, 256)), (16, (128, 128))]
)
def test_a_base_says_how_large_its_pictures_are_or_not(folder: Path, said: object, size: tuple[int, int]) -> None:
    """diffusers allows one number, rows and columns, or nothing."""
    path = folder / "unet" / "config.json"
    content = {**json.loads(path.read_text(encoding="utf-8")), "sample_size": said}
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load_base(folder).preferred_size == size


def test_a_tokenizer_without_words_is_refused(folder: Path) -> None:
    """The library would load it, and every word of a prompt would be unknown."""
    (folder / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(GeneratorError, match=r"holds no vocabulary: expected tokenizer\.json.*found: tokenizer_config"):
        load_base(folder)


def test_a_damaged_tokenizer_is_refused(folder: Path) -> None:
    as_published(folder)
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\nq x\n", encoding="utf-8")
    with pytest.raises(GeneratorError, match="tokenizer could not be loaded"):
        load_base(folder)


def test_a_tokenizer_of_another_base_is_named(folder: Path) -> None:
    as_published(folder)
    path = folder / "tokenizer" / "vocab.json"
    words = {word: number + 40_000 for word, number in json.loads(path.read_text(encoding="utf-8")).items()}
    path.write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises(GeneratorError, match=r"has a token 40\d+, and its text encoder knows 514"):
        load_base(folder).prompt_embedding("driving in the night")


def test_a_text_encoder_of_another_width_is_named(folder: Path) -> None:
    wider = random_base("tiny", seed=1).text_encoder.config
    wider.hidden_size, wider.num_attention_heads = 64, 2
    CLIPTextModel(wider).save_pretrained(folder / "text_encoder")
    with pytest.raises(GeneratorError, match="embeddings that are 64 wide, and its UNet takes 32"):
        load_base(folder)


def test_a_missing_part_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "vae")
    with pytest.raises(GeneratorError, match=r"lacks vae, so it is no base.*unet, vae, text_encoder"):
        load_base(folder)


def test_pickled_weights_are_not_read(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(folder / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(GeneratorError, match=r"no weights as safetensors; found: .*\.bin.*save_pretrained"):
        load_base(folder)


def test_a_damaged_network_is_named(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(GeneratorError, match=r"unet could not be loaded"):
        load_base(folder)


def test_weights_that_lack_a_tensor_are_refused(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(str(weights))
    tensors.pop("conv_out.weight")
    save_file(tensors, str(weights), metadata={"format": "pt"})
    with pytest.raises(GeneratorError, match=r"unet .*conv_out\.weight"):
        load_base(folder)
