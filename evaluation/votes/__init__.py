"""Votes from blind pages: read, unblinded, and summed up."""

from onestep.evaluation.votes.vote_file import VoteFile, read_votes
from onestep.evaluation.votes.vote_summary import Summary, summary, summary_as_json, summary_text

__all__ = ["Summary", "VoteFile", "read_votes", "summary", "summary_as_json", "summary_text"]
