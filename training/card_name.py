"""What marks a folder as a base's, a generator's or a student's; apart from them, for who has no torch."""

CARD_NAME = "onestep.json"
BASE_FORMAT, GENERATOR_FORMAT, STUDENT_FORMAT = "onestep-base", "onestep-generator", "onestep-student"
"""What such a file has as "format"."""
