"""Verifiers that stand alone: one file each, for people who have none of this software."""
