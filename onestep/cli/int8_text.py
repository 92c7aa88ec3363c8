"""What `onestep export --precision int8` says of the graph that it made."""

import dataclasses
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from onestep.exporter.int8 import Int8Report
    from onestep.exporter.parity import ParityReport

FAR_APART_DB: Final = 6.0
"""Half the accuracy: frames that calibrated, and frames that did not, should be nearer to each other than this."""


def int8_text(int8: "Int8Report", parity: "ParityReport") -> str:
    """Return times, what stays float32, how near the graph is to float32, and what that means."""
    figures = (
        f"int8: {int8.int8_ms:.1f} ms a frame on this machine, float32 {int8.float32_ms:.1f} ms; "
        f"{len(int8.in_float32)} of {int8.convolutions} convolutions stay float32; {int8.psnr_db:.1f} dB to float32 on "
        f"frames that calibrated, {parity.graph_to_float32.psnr_db:.1f} dB on others"
    )
    return "\n".join([figures, *int8_doubts(int8, parity)])


def int8_doubts(int8: "Int8Report", parity: "ParityReport") -> list[str]:
    """Return a sentence for each reason not to trust the graph, as it is."""
    from onestep.exporter.int8 import GOOD_PSNR_DB

    doubts = []
    if int8.psnr_db < GOOD_PSNR_DB:
        doubts.append(f"That is below the {GOOD_PSNR_DB:.0f} dB aimed at: look at its pictures, or export with fp32.")
    if int8.looks_translated:
        doubts.append(
            "The pictures of --calibration look like results of this translation: give pictures like those to come."
        )
    if int8.psnr_db - parity.graph_to_float32.psnr_db > FAR_APART_DB:
        doubts.append("The others lose much more: give --calibration pictures like those to come.")
    return doubts


def int8_plain(int8: "Int8Report", parity: "ParityReport") -> dict[str, Any]:
    """Return the same for `--json`."""
    return dataclasses.asdict(int8) | {"doubts": int8_doubts(int8, parity)}
