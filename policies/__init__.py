"""Sumun's decision library: facts in, a decision with every reason out. Pure: no clock, no I/O."""
