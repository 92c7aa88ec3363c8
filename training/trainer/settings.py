"""What can be chosen in a training run: each field is an option of the command line and a key of the TOML file.

Groups are the file's tables. The defaults are the reference's (`src/my_utils/training_utils.py` of
GaParmar/img2img-turbo) where docs/training.md names no reason for another.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from onestep.errors import SettingError

HELP, MAY_CHANGE, AT_LEAST = "help", "may_change", "at_least"

Kind = Literal["unpaired", "paired"]
Device = Literal["auto", "cpu"]
Precision = Literal["tf32", "fp32", "bf16"]
RateSchedule = Literal["constant", "linear", "cosine"]
AdversarialKind = Literal["multilevel_sigmoid", "multilevel_sigmoid_s", "hinge"]
FewMode = Literal["auto", "on", "off"]


def about(help: str, *, may_change: bool = False, at_least: float | None = None) -> dict[str, Any]:
    """Describe a field: its help text, whether a resumed run may have another value, its lower bound."""
    return {HELP: help, MAY_CHANGE: may_change, AT_LEAST: at_least}


@dataclass(frozen=True)
class Checked:
    """A group of settings whose lower bounds are checked."""

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value, bound = getattr(self, each.name), each.metadata.get(AT_LEAST)
            if bound is not None and value is not None and not value >= bound:
                raise SettingError(f"{each.name} is {value}, and it must be {bound} or more.")


@dataclass(frozen=True)
class ModelSettings(Checked):
    """The base, and how much of it is adapted."""

    base: str = field(
        default="tiny", metadata=about("The base to adapt: tiny, sd-turbo, or a folder in diffusers' layout.")
    )
    unet_rank: int = field(default=128, metadata=about("Rank of the UNet's adapters.", at_least=1))
    vae_rank: int = field(
        default=4, metadata=about("Rank of the adapters of the VAE and its skip convolutions.", at_least=1)
    )
    licence: str | None = field(
        default=None,
        metadata=about("Licence of the trained weights, written into the checkpoint; without it, the base's."),
    )


@dataclass(frozen=True)
class DataSettings(Checked):
    """The pictures."""

    data: str = field(default="", metadata=about("Folder of the pictures; `onestep data check` knows its layouts."))
    preparation: str = field(
        default="resize_286_randomcrop_256x256_hflip",
        metadata=about("How a picture comes to the network's size, by its name; see docs/data.md."),
    )
    batch_size: int = field(
        default=4, metadata=about("Pictures per step and side, over all processes together.", at_least=1)
    )
    few: FewMode = field(
        default="auto", metadata=about("Stronger augmentation for few pictures; auto means below 50 on a side.")
    )


@dataclass(frozen=True)
class UnpairedData(DataSettings):
    """Two sides, with a text each."""

    prompt_a: str | None = field(
        default=None, metadata=about("Text of side A, may be empty; without it, the folder's fixed_prompt_a.txt.")
    )
    prompt_b: str | None = field(
        default=None, metadata=about("Text of side B, may be empty; without it, the folder's fixed_prompt_b.txt.")
    )


@dataclass(frozen=True)
class LossSettings(Checked):
    """What both objectives share."""

    perceptual: str = field(
        default="st-lpips-vgg", metadata=about("Perceptual distance: st-lpips-vgg, st-lpips-alex, lpips:FILE, or none.")
    )
    gan_weight: float = field(
        default=0.5, metadata=about("Weight of the adversarial terms, of generator and discriminators.", at_least=0)
    )
    discriminator: str = field(
        default="efficientnet-lite0",
        metadata=about("Trunk of the discriminators: efficientnet-lite0, vgg16-st, alexnet-st, clip:FOLDER, or patch."),
    )
    augment: bool = field(default=True, metadata=about("Whether the discriminators see pictures through DiffAugment."))


@dataclass(frozen=True)
class UnpairedLosses(LossSettings):
    """Weights of CycleGAN-Turbo's objective."""

    adversarial: AdversarialKind = field(default="multilevel_sigmoid", metadata=about("Adversarial objective."))
    cycle_weight: float = field(default=1.0, metadata=about("Weight of L1 there and back again.", at_least=0))
    cycle_perceptual_weight: float = field(
        default=10.0, metadata=about("Weight of the perceptual distance there and back.", at_least=0)
    )
    identity_weight: float = field(
        default=1.0, metadata=about("Weight of L1 on pictures of the target side.", at_least=0)
    )
    identity_perceptual_weight: float = field(
        default=1.0, metadata=about("Weight of the perceptual distance on those.", at_least=0)
    )


@dataclass(frozen=True)
class PairedLosses(LossSettings):
    """Weights of pix2pix-turbo's objective."""

    adversarial: AdversarialKind = field(default="multilevel_sigmoid_s", metadata=about("Adversarial objective."))
    l2_weight: float = field(default=1.0, metadata=about("Weight of L2 to the target.", at_least=0))
    perceptual_weight: float = field(
        default=5.0, metadata=about("Weight of the perceptual distance to the target.", at_least=0)
    )
    clip_weight: float = field(
        default=5.0, metadata=about("Weight of 1 - CLIP similarity of picture and caption; needs --clip.", at_least=0)
    )
    clip: str | None = field(
        default=None,
        metadata=about("Folder of a CLIP model in transformers' layout; without it that term is left out."),
    )


@dataclass(frozen=True)
class OptimiserSettings(Checked):
    """AdamW for generator and discriminators, one step of each per iteration."""

    max_steps: int = field(
        default=25_000, metadata=about("Steps in all; the run stops there.", may_change=True, at_least=1)
    )
    learning_rate: float = field(default=5e-6, metadata=about("Of the generator.", at_least=0))
    discriminator_learning_rate: float = field(default=5e-6, metadata=about("Of the discriminators.", at_least=0))
    rate_schedule: RateSchedule = field(
        default="constant", metadata=about("How the learning rates go on after the warm-up.")
    )
    warmup_steps: int = field(
        default=0, metadata=about("Steps in which the learning rates rise from zero.", at_least=0)
    )
    beta1: float = field(default=0.9, metadata=about("Of AdamW.", at_least=0))
    beta2: float = field(default=0.999, metadata=about("Of AdamW.", at_least=0))
    weight_decay: float = field(default=1e-2, metadata=about("Of AdamW.", at_least=0))
    epsilon: float = field(default=1e-8, metadata=about("Of AdamW.", at_least=0))
    eight_bit: bool = field(
        default=False, metadata=about("Keep AdamW's moments in 8 bits, by bitsandbytes: less memory, on NVIDIA GPUs.")
    )
    clip_norm: float = field(
        default=10.0, metadata=about("Largest norm of a step's gradient; longer ones are shortened.", at_least=1e-12)
    )
    ema_decay: float = field(
        default=0.999, metadata=about("Decay of the weights' moving average; 0 turns it off.", at_least=0)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("beta1", "beta2", "ema_decay"):
            if not getattr(self, name) < 1:
                raise SettingError(f"{name} is {getattr(self, name)}, and it must be less than 1.")


@dataclass(frozen=True)
class MachineSettings(Checked):
    """Where and how it is computed."""

    device: Device = field(default="auto", metadata=about("auto takes an accelerator where there is one."))
    precision: Precision = field(
        default="tf32", metadata=about("tf32 is float32, with TF32 products on GPUs that have them.")
    )
    checkpoint_activations: bool = field(
        default=False,
        metadata=about("Compute activations again instead of keeping them: less memory.", may_change=True),
    )
    memory_limit_gib: float | None = field(
        default=None,
        metadata=about("Memory that the run may take, in GiB; without it, what is free.", may_change=True, at_least=0),
    )
    seed: int = field(
        default=42, metadata=about("Of the first weights, the pictures' order and every other chance.", at_least=0)
    )


@dataclass(frozen=True)
class WatchSettings(Checked):
    """What is written while it trains, and how often, in steps; the first step counts as 0."""

    log_every: int = field(default=10, metadata=about("Steps between lines of the log.", may_change=True, at_least=1))
    save_every: int = field(default=500, metadata=about("Steps between saved states.", may_change=True, at_least=1))
    sample_every: int = field(
        default=500, metadata=about("Steps between grids of samples; 0 for none.", may_change=True, at_least=0)
    )
    sample_count: int = field(default=4, metadata=about("Rows of a grid.", may_change=True, at_least=1))
    validate_every: int = field(
        default=500, metadata=about("Steps between validations; 0 for none.", may_change=True, at_least=0)
    )
    validation_count: int = field(default=200, metadata=about("Largest number of test pictures per side.", at_least=2))
    features: str = field(
        default="efficientnet-lite0",
        metadata=about("Features of KID: efficientnet-lite0, vgg16-st, alexnet-st, or inception:FILE."),
    )
    tensorboard: bool = field(
        default=True, metadata=about("Whether events for TensorBoard are written.", may_change=True)
    )
    wandb: str | None = field(
        default=None, metadata=about("Project of Weights & Biases to log to as well.", may_change=True)
    )


@dataclass(frozen=True)
class Settings:
    """A whole run."""

    model: ModelSettings
    data: DataSettings
    losses: LossSettings
    optimiser: OptimiserSettings
    machine: MachineSettings
    watch: WatchSettings


@dataclass(frozen=True)
class UnpairedSettings(Settings):
    """`onestep train unpaired`."""

    model: ModelSettings = field(default_factory=ModelSettings)
    data: UnpairedData = field(default_factory=UnpairedData)
    losses: UnpairedLosses = field(default_factory=UnpairedLosses)
    optimiser: OptimiserSettings = field(
        default_factory=lambda: OptimiserSettings(learning_rate=1e-5, discriminator_learning_rate=1e-5)
    )
    machine: MachineSettings = field(default_factory=MachineSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)


@dataclass(frozen=True)
class PairedSettings(Settings):
    """`onestep train paired`."""

    model: ModelSettings = field(default_factory=lambda: ModelSettings(unet_rank=8))
    data: DataSettings = field(default_factory=lambda: DataSettings(preparation="resized_crop_512"))
    losses: PairedLosses = field(default_factory=PairedLosses)
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(max_steps=10_000, clip_norm=1.0))
    machine: MachineSettings = field(default_factory=MachineSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
