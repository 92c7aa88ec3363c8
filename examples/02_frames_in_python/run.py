"""Put ten frames of a rendered drive through a session, and save the last pair."""

from pathlib import Path

import numpy as np

import onestep.runtime
from onestep.domains import embedded_bundle
from onestep.runtime.pictures import write_picture
from onestep.scenes import Scene

drive = Scene.random(5)
with onestep.runtime.open(embedded_bundle("day2night"), size="320x192") as session:
    for index in range(10):
        day = drive.at(0.1 * index, size=(320, 192)).render("day")
        night = session(day)  # [192, 320, 3] uint8 in, the same out

write_picture(Path("day_and_night.png"), np.concatenate([day, night], axis=1), overwrite=True)
print(f"mean level {day.mean():.0f} by day, {night.mean():.0f} by night: day_and_night.png")
