"""The generator: its step, its skips, and that it is a pure function."""

import pytest
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from onestep.errors import GeneratorError
from onestep.training.architectures import ARCHITECTURES, SD_TURBO
from onestep.training.folder import PackedGenerator
from onestep.training.generator import OneStep, OneStepGenerator
from onestep.training.vae_skips import SkipConvolutions, encode_with_taps, tap_channels, up_block_channels


def image(height: int = 64, width: int = 96, *, batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_sd_turbo_skip_widths_are_the_published_ones() -> None:
    widths = SD_TURBO.vae["block_out_channels"]
    assert list(reversed(tap_channels(widths))) == [512, 256, 128, 128]
    assert up_block_channels(widths) == [512, 512, 512, 256]


def test_sd_turbo_step_is_the_published_one() -> None:
    step = OneStep.from_scheduler(DDPMScheduler(**SD_TURBO.scheduler))
    assert step.timestep == 999
    assert step.alpha_bar == pytest.approx(0.00466009, abs=1e-8)
    one, zero = torch.ones(1), torch.zeros(1)
    assert float(step.x0_from_noise(one, zero)) == pytest.approx(14.648814, rel=1e-5)
    assert float(step.x0_from_noise(zero, one)) == pytest.approx(-14.614641, rel=1e-5)


def test_closed_form_step_is_the_schedulers_step() -> None:
    scheduler = DDPMScheduler(**SD_TURBO.scheduler)
    scheduler.set_timesteps(1)
    latent, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    theirs = scheduler.step(noise, scheduler.timesteps[0], latent).prev_sample
    ours = OneStep.from_scheduler(scheduler).x0_from_noise(latent, noise)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_step_is_float32_at_any_precision() -> None:
    step = OneStep(timestep=999, alpha_bar=0.0046600985)
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(5)).half()
    x0 = step.x0_from_noise(latent, latent)
    assert x0.dtype == torch.float32
    torch.testing.assert_close(x0, (latent.double() * (14.648814 - 14.614641)).float(), atol=1e-4, rtol=0.01)


def test_a_base_that_predicts_velocity_is_refused() -> None:
    scheduler = DDPMScheduler(**{**SD_TURBO.scheduler, "prediction_type": "v_prediction"})
    with pytest.raises(GeneratorError, match="'v_prediction'; the one-step generator needs 'epsilon'"):
        OneStep.from_scheduler(scheduler)


def test_taps_are_the_inputs_of_the_down_blocks(packed: PackedGenerator) -> None:
    seen: list[Tensor] = []
    blocks = packed.generator.vae.encoder.down_blocks
    hooks = [block.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for block in blocks]
    mean, taps = encode_with_taps(packed.generator.vae, image())
    theirs = packed.generator.vae.encode(image()).latent_dist.mean
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(mean, theirs)
    for ours, hooked in zip(taps, seen, strict=False):
        torch.testing.assert_close(ours, hooked)
    assert [tuple(tap.shape[1:]) for tap in taps] == [(8, 64, 96), (8, 32, 48), (16, 16, 24), (32, 8, 12)]


def test_without_skips_it_is_the_vaes_own_decoder(packed: PackedGenerator) -> None:
    ours = packed.generator
    silent = SkipConvolutions.for_vae(ours.vae)
    for parameter in silent.parameters():
        torch.nn.init.zeros_(parameter)
    plain = OneStepGenerator(vae=ours.vae, unet=ours.unet, skips=silent, step=ours.step).eval()
    prompt = packed.base.prompt_embedding("x")
    with torch.no_grad():
        latent = ours.vae.encode(image()).latent_dist.mean * ours.latent_scale
        noise = ours.unet(latent, 999, prompt).sample
        expected = ours.vae.decode(ours.step.x0_from_noise(latent, noise) / ours.latent_scale).sample.clamp(-1, 1)
        torch.testing.assert_close(plain(image(), prompt), expected, atol=1e-5, rtol=1e-5)


def test_it_is_pure(packed: PackedGenerator) -> None:
    prompt = packed.base.prompt_embedding("driving in the night")
    with torch.no_grad():
        first = packed.generator(image(), prompt)
        packed.generator(image(32, 32), prompt)
        again = packed.generator(image(), prompt)
    assert torch.equal(first, again)
    assert float(first.abs().max()) <= 1.0


def test_pictures_of_a_batch_do_not_mix(packed: PackedGenerator) -> None:
    prompt = packed.base.prompt_embedding("driving in the night")
    pictures = image(32, 32, batch=3)
    with torch.no_grad():
        together = packed.generator(pictures, prompt)
        alone = torch.cat([packed.generator(picture[None], prompt) for picture in pictures])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_skips_and_prompt_and_input_range_matter(packed: PackedGenerator) -> None:
    ours = packed.generator
    fresh = SkipConvolutions.for_vae(ours.vae)
    prompt, other = packed.base.prompt_embedding("night"), packed.base.prompt_embedding("rain")
    without = OneStepGenerator(vae=ours.vae, unet=ours.unet, skips=fresh, step=ours.step).eval()
    unit = OneStepGenerator(vae=ours.vae, unet=ours.unet, skips=ours.skips, step=ours.step, input_range=(0.0, 1.0))
    with torch.no_grad():
        expected = ours(image(), prompt)
        assert not torch.allclose(without(image(), prompt), expected, atol=1e-3)
        assert not torch.equal(ours(image(), other), expected)
        torch.testing.assert_close(unit.eval()(image(), prompt), ours((image() + 1) / 2, prompt))


@pytest.mark.parametrize(("name", "multiple"), [("tiny", 32), ("sd-turbo", 64)])
def test_frame_multiple_follows_from_the_levels(name: str, multiple: int) -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel

    parts = ARCHITECTURES[name]
    with torch.device("meta"):
        vae, unet = AutoencoderKL(**parts.vae), UNet2DConditionModel(**parts.unet)
        skips = SkipConvolutions.for_vae(vae)
    step = OneStep(timestep=999, alpha_bar=0.005)
    assert OneStepGenerator(vae=vae, unet=unet, skips=skips, step=step).frame_multiple == multiple


def test_sd_turbo_has_the_published_number_of_parameters() -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        parts = (
            UNet2DConditionModel(**SD_TURBO.unet),
            AutoencoderKL(**SD_TURBO.vae),
            CLIPTextModel(CLIPTextConfig(**SD_TURBO.text_encoder)),
        )
    counts = [sum(parameter.numel() for parameter in part.parameters()) for part in parts]
    assert counts == [865_910_724, 83_653_863, 340_387_840]
