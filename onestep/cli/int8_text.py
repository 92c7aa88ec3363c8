"""What `onestep export --precision int8` says of the graph that it made."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from onestep.exporter.int8 import Int8Report
    from onestep.exporter.parity import ParityReport

FAR_APART_DB: Final = 6.0
"""Half the accuracy: frames that calibrated, and frames that did not, should be nearer to each other than this."""


def int8_text(int8: "Int8Report", parity: "ParityReport") -> str:
    """Return times, what stays float32, how near the graph is to float32, and what that means."""
    from onestep.exporter.int8 import GOOD_PSNR_DB

    other_db = parity.graph_to_float32.psnr_db
    text = (
        f"int8: {int8.int8_ms:.1f} ms a frame on this machine, float32 {int8.float32_ms:.1f} ms; "
        f"{len(int8.in_float32)} of {int8.convolutions} convolutions stay float32; {int8.psnr_db:.1f} dB to float32 on "
        f"frames that calibrated, {other_db:.1f} dB on others"
    )
    if int8.psnr_db < GOOD_PSNR_DB:
        text += f"\nThat is below the {GOOD_PSNR_DB:.0f} dB aimed at: look at its pictures, or export with fp32."
    if int8.psnr_db - other_db > FAR_APART_DB:
        text += "\nThe others lose much more: are the pictures of --calibration like those to come?"
    return text
