"""What a run of the quality benchmark is asked for, looked at before anything slow is started."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.quality_gap import MIN_PICTURES
from onestep.bundle import Bundle, open_bundle
from onestep.domains import DOMAINS, embedded_bundle, embedded_domains
from onestep.errors import InputError, SettingError
from onestep.evaluation.inputs import is_video, readable
from onestep.runtime.pictures import find_pictures
from onestep.runtime.video.reader import VideoReader


@dataclass(frozen=True)
class Footage:
    """Real material to translate."""

    inputs: str
    """A video, or a folder of pictures."""
    photos: Path | None
    """Pictures of the condition to reach: real ones, or rendered ones of such places."""
    readable_photos: tuple[Path, ...]
    """Those that can be read."""


def bundles_by_domain(named: Sequence[str] | None, bundle: Path | None) -> dict[str, Bundle]:
    """Open what is measured, by the translation that it is measured on.

    A bundle whose domain is one of `onestep.domains` is measured on that one, and one with a name of its own on the one
    that is named.

    Args:
        named: Names of translations; None means the bundle's own, or without a bundle all that ship.
        bundle: Measured instead of those that ship.

    Raises:
        SettingError: The bundle is for another translation than the one that is named, or does not say for which.
        OnestepError: A bundle cannot be opened, or none ships for a name.
    """
    if bundle is None:
        return {name: open_bundle(embedded_bundle(name)) for name in named or embedded_domains()}
    opened = open_bundle(bundle)
    own = opened.manifest.domain
    wanted = list(dict.fromkeys(named or [own]))
    if own not in DOMAINS and not named:
        rendered = ", ".join(domain.name for domain in DOMAINS.values() if domain.scenes)
        raise SettingError(
            f"{bundle} is for {own}, which no scenes are rendered for. Say what it does with --domain: {rendered}."
        )
    if len(wanted) > 1 or (own in DOMAINS and wanted != [own]):
        raise SettingError(
            f"{bundle} is for {own}, and --domain says {', '.join(wanted)}. Leave --domain out, or give another bundle."
        )
    return {wanted[0]: opened}


def asked_footage(footage: str | None, photos: Path | None, domains: Collection[str]) -> Footage | None:
    """Look at the real material; None where there is none.

    Args:
        footage: A video, or a folder of pictures.
        photos: Folder of real pictures of the condition to reach.
        domains: What is measured.

    Raises:
        SettingError: Photos without footage, or for more than one translation.
        InputError: Footage or photos cannot be read, or there are fewer than `MIN_PICTURES` photos.
    """
    if photos is not None and footage is None:
        raise SettingError(f"--photos {photos} needs --footage: photos are what translated footage is held against.")
    if photos is not None and len(domains) > 1:
        raise SettingError(
            f"--photos {photos} shows one condition, and {', '.join(domains)} are measured. Name one with --domain."
        )
    if footage is None:
        return None
    if is_video(footage):
        VideoReader(Path(footage).expanduser()).close()
    else:
        find_pictures(footage)
    return Footage(footage, photos, _readable_photos(photos) if photos is not None else ())


def _readable_photos(folder: Path) -> tuple[Path, ...]:
    found = {str(path): path for path in find_pictures(folder)}
    paths = tuple(found[name] for name in readable(found, "--photos", [], lambda _done, _total: None))
    if len(paths) < MIN_PICTURES:
        raise InputError(
            f"--photos: {folder} has {len(paths)} pictures that can be read, and a gap needs at least {MIN_PICTURES}: "
            "the distance to fewer is noise. Give more of the same place and condition."
        )
    return paths
