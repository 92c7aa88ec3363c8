"""What marks a folder as a base's, a generator's or a student's; apart from them, for who has no torch."""

CARD_NAME = "onestep.json"
