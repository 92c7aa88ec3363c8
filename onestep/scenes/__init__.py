"""Rendered driving scenes: the same moment by day, at night, in rain and in fog, with known depth and flow."""

from onestep.scenes.canonical import ONE_CAMERA
from onestep.scenes.frame import CONDITIONS, SceneFrame
from onestep.scenes.scene import Scene

__all__ = ["CONDITIONS", "ONE_CAMERA", "Scene", "SceneFrame"]
