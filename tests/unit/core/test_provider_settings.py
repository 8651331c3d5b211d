"""Identity providers in `sumun.toml`: what is accepted, what stops the start, what stays secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.doctor import _provider
from gateway.errors import OperatorError
from gateway.provider_settings import READY, IdentityProvider, ProviderKind
from tests.parts.provider import Lies, providing

ROOT = Path(__file__).parents[3]
SECRET = "never to be seen"
ORCID = f'id = "orcid"\nkind = "orcid"\nclient_id = "APP-1"\nclient_secret = "{SECRET}"\n'
OWN = ORCID.replace('kind = "orcid"', 'kind = "oidc"\nlabel_ko = "가"\nlabel_en = "A"')


def read(tmp_path: Path, *tables: str) -> Settings:
    file = tmp_path / "sumun.toml"
    file.write_text("".join(f"[[identity_providers]]\n{table}" for table in tables), "utf-8")
    return load({"SUMUN_CONFIG": str(file)})


def test_a_ready_provider_needs_its_client_only(tmp_path: Path) -> None:
    orcid = read(tmp_path, ORCID).identity_providers[0]

    assert (orcid.issuer, orcid.label("ko"), orcid.scopes) == (
        "https://orcid.org", "ORCID", ("openid",),
    )  # fmt: skip


@pytest.mark.parametrize("kind", list(ProviderKind))
def test_every_kind_has_its_settings(kind: ProviderKind) -> None:
    given = {
        "id": "a", "kind": kind, "client_id": "c", "client_secret": "s", "label_ko": "가",
        "label_en": "A", "issuer": "https://id.example",
    }  # fmt: skip
    made = IdentityProvider.model_validate(given | READY[kind])

    assert made.signed == (kind is not ProviderKind.NAVER)
    assert set(made.algorithms) <= {"RS256", "ES256", "PS256", "EdDSA"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (ORCID + "secret_client = 1\n", "IDENTITY_PROVIDERS.0.secret_client"),
        (ORCID + 'client_secret_file = "x"\n', "either client_secret or client_secret_file"),
        (ORCID + 'algorithms = ["none"]\n', "algorithms"),
        (ORCID + 'algorithms = ["HS256"]\n', "algorithms"),
        (ORCID + "algorithms = []\n", "algorithms"),
        (ORCID + 'scopes = ["profile"]\n', "scopes must name openid"),
        (ORCID + 'organisation_claim = "hd"\n', "organisation_claim and organisations"),
        (ORCID + 'token_endpoint = "https://a.example/t"\n', "endpoints of its own"),
        (ORCID.replace('"orcid"\nkind', '"Or cid"\nkind'), "1 to 32"),
        (ORCID.replace('kind = "orcid"', 'kind = "saml"'), "IDENTITY_PROVIDERS.0.kind"),
        (OWN, "issuer"),
        (OWN + 'issuer = "http://id.example"\nallow_private = true\n', "https, or http on"),
        (OWN + 'issuer = "http://127.0.0.1:1"\n', "https, or http on loopback"),
        (OWN + 'issuer = "https://user@id.example"\n', "no user and no fragment"),
        (OWN + 'issuer = "https://id.example/ \\n"\n', "plain ASCII"),
    ],
)
def test_what_is_wrong_stops_the_start_and_names_no_secret(
    tmp_path: Path, table: str, words: str
) -> None:
    with pytest.raises(OperatorError) as refused:
        read(tmp_path, table)

    assert words in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_two_providers_are_told_apart(tmp_path: Path) -> None:
    other = ORCID.replace('id = "orcid"\n', 'id = "other"\n')

    with pytest.raises(OperatorError, match="same id"):
        read(tmp_path, ORCID, ORCID)
    with pytest.raises(OperatorError, match="same issuer"):
        read(tmp_path, ORCID, other)


def test_the_environment_holds_no_tables() -> None:
    with pytest.raises(OperatorError, match="tables in sumun"):
        load({"SUMUN_IDENTITY_PROVIDERS": "orcid"})


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    settings = read(tmp_path, ORCID)

    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
    assert settings.identity_providers[0].secret() == SECRET


def test_a_secret_file_is_its_owners(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    named = ORCID.replace(f'client_secret = "{SECRET}"', f'client_secret_file = "{file}"')
    provider = read(tmp_path, named).identity_providers[0]

    file.chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        provider.secret()
    file.chmod(0o600)
    assert provider.secret() == SECRET
    file.write_text("")
    with pytest.raises(OperatorError, match="is empty"):
        provider.secret()
    file.unlink()
    with pytest.raises(OperatorError, match="cannot be read"):
        provider.secret()


def test_the_examples_of_the_documentation_are_accepted(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "federation.md").read_text("utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    sample = (ROOT / "deploy" / "satosa" / "sumun.toml").read_text("utf-8")
    file = tmp_path / "sumun.toml"

    found = []
    for text in (example, sample):
        file.write_text(text, "utf-8")
        settings = load({"SUMUN_CONFIG": str(file)})
        found += [provider.id for provider in settings.identity_providers]

    assert found == ["orcid", "campus", "kafe"]


@pytest.mark.parametrize("key", sorted(IdentityProvider.model_fields))
def test_every_key_is_documented(key: str) -> None:
    page = (ROOT / "docs" / "federation.md").read_text("utf-8")

    assert f"`{key}`" in page


def test_the_doctor_reads_metadata_and_keys() -> None:
    with providing(SystemClock()) as peer:
        made = IdentityProvider(
            id="a", label_ko="가", label_en="A", issuer=peer.issuer, client_id="c",
            client_secret="s", allow_private=True,
        )  # fmt: skip
        found = _provider(made)
        peer.lies = Lies(metadata=lambda honest: honest | {"issuer": "https://b.example"})
        with pytest.raises(OperatorError, match="names another issuer"):
            _provider(made)

    assert found == f"{peer.issuer}: metadata and 1 keys"
