"""The blind page: which of two pictures do people prefer when they do not know who made them?"""

from onestep.evaluation.blind.write import write_blind_page

__all__ = ["write_blind_page"]
