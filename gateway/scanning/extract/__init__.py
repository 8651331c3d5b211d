"""Readers that turn a file into text segments with stable locations. Run in the child only."""
