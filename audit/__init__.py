"""The transparency log of Sumun: events, Merkle tree, proofs, sequencer and verifier.

A library without a web framework and without an ORM: it works on a database connection that
its caller supplies. Formats follow C2SP (tlog-tiles, tlog-checkpoint, signed-note, tlog-proof)
over the Merkle tree of RFC 6962; events follow the names of OCSF.
"""
