"""BDD100K as two domains, selected by the labels of its frames (Yu et al. 2020)."""

from __future__ import annotations

import shlex
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from onestep.errors import InputError, MissingInputError, SettingError
from onestep.training.data.folders import UnpairedFolder
from onestep.training.data.named_files import check_named_files
from onestep.training.data.prompts import parsed_json, read_text

SPECIFICATION_FILE: Final = "bdd100k.toml"
LAYOUT: Final = "BDD100K by its labels"


@dataclass(frozen=True)
class Bdd100k:
    """Which frames of BDD100K are domain A and which are domain B.

    A condition names attributes and their values: `timeofday=night weather=rainy|snowy scene="city street"`.

    Attributes:
        images: Folder with `train/` and `val/`, such as `bdd100k/images/100k`.
        labels: Folder with the labels of both: a folder `train/` of one JSON file per frame, or one file that ends in
            `_train.json`, such as `bdd100k_labels_images_train.json` or `det_train.json`; the same for `val`.
        a: Condition of domain A.
        b: Condition of domain B.
        prompt_a: Text that describes A.
        prompt_b: Text that describes B.
    """

    images: Path
    labels: Path
    a: str = "timeofday=daytime weather=clear"
    b: str = "timeofday=night weather=clear"
    prompt_a: str | None = None
    prompt_b: str | None = None

    def __post_init__(self) -> None:
        for text in (self.a, self.b):
            _condition(text)

    def folder(self) -> UnpairedFolder:
        """Select the frames: `train` to train on, `val` to test on.

        Raises:
            MissingInputError: A folder or the labels are not there.
            InputError: No frame of `train` fits a condition, labels are broken, or frames are missing.
        """
        train, test = self._attributes("train"), self._attributes("val")
        return UnpairedFolder(
            layout=LAYOUT,
            train_a=self._selected("train", self.a, train),
            train_b=self._selected("train", self.b, train),
            test_a=self._selected("val", self.a, test),
            test_b=self._selected("val", self.b, test),
            prompt_a=self.prompt_a,
            prompt_b=self.prompt_b,
        )

    def _attributes(self, split: str) -> dict[str, dict[str, str]]:
        return dict(_frames(_label_files(self.labels, split)))

    def _selected(self, split: str, text: str, frames: dict[str, dict[str, str]]) -> tuple[Path, ...]:
        wanted = _condition(text)
        names = [
            name
            for name, attributes in sorted(frames.items())
            if all(attributes.get(key) in values for key, values in wanted.items())
        ]
        if not names and split == "train":
            raise InputError(f"No frame of {split} in {self.labels} fits {text!r}. The labels have: {_counts(frames)}.")
        paths = tuple(self.images / split / name for name in names)
        check_named_files(paths, of=self.labels)
        return paths


def read_specification(path: Path) -> Bdd100k:
    """Read `bdd100k.toml`: the fields of `Bdd100k` as keys; folders are relative to the file's own.

    Raises:
        InputError: It is broken TOML, or its keys are not those.
    """
    known = [field.name for field in fields(Bdd100k)]
    try:
        keys = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise InputError(f"{path} is broken TOML ({err}). Mend it with a text editor.") from err
    wrong = sorted(key for key, value in keys.items() if key not in known or not isinstance(value, str))
    if wrong or not {"images", "labels"} <= keys.keys():
        raise InputError(
            f"{path} must have the texts images and labels, and may have {', '.join(known[2:])}. "
            f"It has: {', '.join(keys) or 'nothing'}" + (f"; wrong: {', '.join(wrong)}." if wrong else ".")
        )
    places = {key: path.parent / keys.pop(key) for key in ("images", "labels")}
    return Bdd100k(**places, **keys)


def _condition(text: str) -> dict[str, set[str]]:
    """Read `key=value|value key=value`."""
    wanted: dict[str, set[str]] = {}
    for word in _words(text):
        key, separator, values = word.partition("=")
        if not (key and separator and values):
            raise SettingError(
                f"{text!r} is not a condition on BDD100K's labels: {word!r} is not KEY=VALUE. "
                'Write such as: timeofday=night weather=rainy|snowy scene="city street".'
            )
        wanted[key] = set(values.split("|"))
    if not wanted:
        raise SettingError("A condition on BDD100K's labels is empty. Write such as: timeofday=night weather=clear.")
    return wanted


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as err:
        raise SettingError(f"{text!r} is not a condition on BDD100K's labels: {err}. Close the quotes.") from err


def _label_files(labels: Path, split: str) -> list[Path]:
    if (labels / split).is_dir():
        return sorted((labels / split).glob("*.json"))
    found = sorted(labels.glob(f"*_{split}.json"))
    if len(found) == 1:
        return found
    if found:
        raise InputError(f"{labels} has several labels of {split}: {', '.join(path.name for path in found)}. Keep one.")
    raise MissingInputError(
        f"There are no labels of {split} in {labels}: neither a folder {split} nor a file that ends in _{split}.json."
    )


def _frames(files: Iterable[Path]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield file name and attributes of each labelled frame; those that are no words fit no condition."""
    for file in files:
        found = parsed_json(read_text(file), of=file)
        for frame in found if isinstance(found, list) else [found]:
            name, attributes = _name_and_attributes(frame, file)
            yield name, attributes


def _name_and_attributes(frame: Any, file: Path) -> tuple[str, dict[str, str]]:
    try:
        name, attributes = str(frame["name"]), dict(frame["attributes"])
    except (TypeError, KeyError, ValueError) as err:
        raise InputError(f"{file} has a frame without name or attributes, which BDD100K's labels have.") from err
    words = {key: value for key, value in attributes.items() if isinstance(value, str)}
    return (name if Path(name).suffix else f"{name}.jpg"), words


def _counts(frames: dict[str, dict[str, str]]) -> str:
    counts = Counter(
        f"{key}={attributes[key]}"
        for attributes in frames.values()
        for key in ("timeofday", "weather")
        if key in attributes
    )
    return ", ".join(f"{what} ({count})" for what, count in counts.most_common()) or "no attributes"
