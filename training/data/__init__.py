"""Pictures on their way to a training: folders are recognised, prepared, drawn into batches and read ahead.

`layout` recognises a folder, `preparation` brings pictures to size, `batches` are pure functions of the step,
`prefetch` reads them ahead, `few` is for few pictures, `check` finds what would spoil a training.
"""

from onestep.training.data.batches import PairedBatch, PairedBatches, UnpairedBatch, UnpairedBatches
from onestep.training.data.bdd100k import Bdd100k
from onestep.training.data.few import FewPictures, few_pictures, few_warning
from onestep.training.data.folders import Pair, PairedFolder, UnpairedFolder
from onestep.training.data.layout import recognise_layout
from onestep.training.data.prefetch import Prefetcher
from onestep.training.data.preparation import Preparation, preparation

__all__ = [
    "Bdd100k",
    "FewPictures",
    "Pair",
    "PairedBatch",
    "PairedBatches",
    "PairedFolder",
    "Prefetcher",
    "Preparation",
    "UnpairedBatch",
    "UnpairedBatches",
    "UnpairedFolder",
    "few_pictures",
    "few_warning",
    "preparation",
    "recognise_layout",
]
