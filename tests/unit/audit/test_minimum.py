"""The signed minimum is parsed strictly; so are entry bundles that are read back."""

from __future__ import annotations

import pytest

from audit.errors import NoteMalformed, SignatureInvalid, TileMissing
from audit.lost import split_bundle
from audit.minimum import open_minimum, sign_minimum
from audit.note import Signer
from audit.tiles import bundle
from tests.unit.audit.world import ORIGIN, SIGNER

DIGEST = "0f" * 32


def test_a_signed_minimum_opens() -> None:
    opened = open_minimum(sign_minimum(SIGNER, 512, DIGEST, 7), SIGNER.verifier)

    assert (opened.origin, opened.minimum, opened.archive) == (ORIGIN, 512, DIGEST)


@pytest.mark.parametrize(("lowest", "digest"), [(511, DIGEST), (512, "0F" * 32), (512, "0f")])
def test_what_cannot_be_a_minimum_is_not_signed(lowest: int, digest: str) -> None:
    with pytest.raises(NoteMalformed):
        sign_minimum(SIGNER, lowest, digest, 7)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n512\n{DIGEST}\n",
        f"sumun-log-minimum-v1\nother.example/log\n512\n{DIGEST}\n",
        f"sumun-log-minimum-v1\n{ORIGIN}\n0512\n{DIGEST}\n",
        f"sumun-log-minimum-v1\n{ORIGIN}\n-512\n{DIGEST}\n",
        f"sumun-log-minimum-v1\n{ORIGIN}\n512\n{DIGEST}\nmore\n",
    ],
)
def test_another_text_is_no_minimum_although_it_is_signed(text: str) -> None:
    note = str(SIGNER.sign(text or "\n", 7))

    with pytest.raises(NoteMalformed):
        open_minimum(note, SIGNER.verifier)


def test_another_key_signs_no_minimum() -> None:
    note = sign_minimum(Signer(ORIGIN, b"o" * 32), 512, DIGEST, 7)

    with pytest.raises(SignatureInvalid):
        open_minimum(note, SIGNER.verifier)


def test_an_entry_bundle_is_cut_into_its_leaves() -> None:
    leaves = [b"one", b"", b"three" * 100]

    assert split_bundle(bundle(leaves)) == leaves


@pytest.mark.parametrize("cut", [1, 3, 4])
def test_a_torn_entry_bundle_is_refused(cut: int) -> None:
    with pytest.raises(TileMissing):
        split_bundle(bundle([b"one"])[:-cut])
