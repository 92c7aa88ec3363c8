"""Export the embedded day2night generator in half precision for one small frame size, and run it."""

from pathlib import Path

import onestep.runtime
from onestep.domains import embedded_generator
from onestep.exporter.export import ExportOptions, export_bundle
from onestep.frame_size import FrameSize
from onestep.scenes import Scene
from onestep.training.folder import load_generator

size = FrameSize(128, 96)
packed = load_generator(embedded_generator("day2night"))
options = ExportOptions(precision="fp16", size=size, parity_frame_count=4, overwrite=True)
report = export_bundle(packed, Path("small-night-fp16.bundle"), options=options, on_stage=print)
print(f"{report.traced.nodes} nodes became {report.folded.nodes}")
print(f"PSNR against float32: {report.parity.graph_to_float32.psnr_db:.1f} dB")

with onestep.runtime.open(report.path) as session:
    night = session(Scene.random(5).at(1.0, size=size).render("day"))
print(f"{night.shape} {night.dtype}")
