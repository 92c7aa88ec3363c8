"""What a teacher makes of the training pictures, translated once and kept on disk."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from onestep.atomic import check_disk
from onestep.training.folder import PackedGenerator
from onestep.training.students.done_file import read_done, write_done
from onestep.training.students.folder import PackedStudent
from onestep.training.students.generator import StudentGenerator

SAVE_EVERY = 16


@torch.no_grad()
def translated_by_teacher(
    teacher: PackedGenerator | PackedStudent,
    pictures: NDArray[np.uint8],
    path: Path,
    *,
    on_picture: Callable[[int, int | None], None] = lambda done, total: None,
) -> NDArray[np.uint8]:
    """Translate pictures one after the other, or open what is there; a run that was cut off goes on.

    What was made of other pictures is made anew.

    Args:
        teacher: Any generator, on the device it shall run on. A student draws no rain here: where a drop is, nobody can
            learn.
        pictures: `[..., H, W, 3] uint8`, RGB, sides multiples of the teacher's.
        path: Array file, `.npy`; beside it lies how far it is.
        on_picture: Called with how many are done, and how many there are.

    Returns:
        A memory map of the shape of `pictures`.

    Raises:
        OutputError: The disk has no room for them.
    """
    flat = pictures.reshape(-1, *pictures.shape[-3:])
    job = {"shape": list(pictures.shape), "pictures": _digest(flat)}
    state = path.with_suffix(".json")
    done = read_done(state, job=job) if path.exists() else 0
    if not done:
        check_disk(path, needed_bytes=pictures.nbytes, advice="name another folder with --work")
    mode = "r+" if done else "w+"
    result = np.lib.format.open_memmap(path, mode=mode, dtype=np.uint8, shape=pictures.shape)
    flat_result = result.reshape(flat.shape)
    generator = StudentGenerator(teacher.generator.student) if isinstance(teacher, PackedStudent) else teacher.generator
    device = next(teacher.generator.parameters()).device
    embedding = teacher.base.prompt_embedding(teacher.card.prompt).to(device)
    for index in range(done, len(flat)):
        image = torch.from_numpy(np.array(flat[index])).to(device).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        levels = (generator(image, embedding)[0] * 127.5 + 127.5).round().clamp(0, 255)
        flat_result[index] = levels.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        if (index + 1) % SAVE_EVERY == 0 or index + 1 == len(flat):
            result.flush()
            write_done(state, index + 1, job=job)
        on_picture(index + 1, len(flat))
    opened: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return opened


def _digest(pictures: NDArray[np.uint8]) -> str:
    """Name pictures by their bytes: those of another day's scenes are as many, and of the same size."""
    digest = hashlib.blake2b(digest_size=16)
    for picture in pictures:
        digest.update(np.ascontiguousarray(picture).data)
    return digest.hexdigest()
