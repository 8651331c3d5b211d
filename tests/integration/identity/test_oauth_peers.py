"""Relying parties that others wrote, against a running gateway."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt as pyjwt
import pytest
from idpyoidc.client.defaults import DEFAULT_KEY_DEFS, DEFAULT_OIDC_SERVICES
from idpyoidc.client.rp_handler import RPHandler

from gateway.access.models import Grant
from gateway.agreements.models import Acceptance
from gateway.clock import SystemClock
from gateway.config import Settings, load
from gateway.identity.oauth import service_devices as devices
from gateway.identity.oauth.clients import find_client
from gateway.identity.oauth.models import AuthMethod, ClientKind
from gateway.identity.oauth.service_clients import NewClient, Registered, register
from gateway.identity.oauth.vocabulary import MACHINE_SCOPES, Scope
from gateway.runtime import Runtime
from gateway.startup import assemble
from tests import oauth_peer, people
from tests import world as worlds
from tests.parts.apache import relying
from tests.parts.install import NPM, PARTS
from tests.parts.small_server import free_port, serving

BACK = "https://rp.example.org/cb"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    public = f"http://127.0.0.1:{free_port()}"
    return load({}, home=tmp_path / "home", database_url=database_url, public_url=public)


@dataclass
class Gate:
    """A running gateway with a person's browser."""

    runtime: Runtime
    browser: httpx2.Client

    @property
    def issuer(self) -> str:
        return self.runtime.settings.public_url

    def sign_in(self, account: str) -> None:
        token = self._form("/sign-in")
        body = {"csrf_token": token, "account": account, "password": people.PASSWORD}
        assert self.browser.post("/sign-in", data=body).status_code == 303

    def allow(self, address: str) -> str:
        """Say yes on the consent page; where the browser is sent."""
        path = address.removeprefix(self.issuer)
        body = {"csrf_token": self._form(path), "decision": "allow"}
        return self.browser.post(path, data=body).headers["Location"]

    def register(self, **changes: Any) -> Registered:
        manager = people.person(self.runtime, "manager")
        place = oauth_peer.organisation(self.runtime, manager)
        new = {
            "name": "연구 포털", "kind": ClientKind.WEB, "auth_method": AuthMethod.SECRET_BASIC,
            "scopes": frozenset(Scope), "redirect_uris": (BACK,),
        } | changes  # fmt: skip
        if new["kind"] is ClientKind.MACHINE:
            new["responsible_id"] = manager.id
        made = register(self.runtime, people.acting_as(manager), place, NewClient(**new))
        if new["kind"] is ClientKind.MACHINE:
            oauth_peer.accepted(self.runtime, made.client_id)
        return made

    def _form(self, path: str) -> str:
        found = TOKEN.search(self.browser.get(path).text)
        assert found, path
        return found.group(1)


@pytest.fixture
def gate(settings: Settings, runtime: Runtime) -> Iterator[Gate]:
    real = assemble(settings, runtime.db, SystemClock())
    people.make_person(real, "mina", name="김미나")
    with serving(settings), httpx2.Client(base_url=settings.public_url, trust_env=False) as http:
        gate = Gate(real, http)
        gate.sign_in("mina")
        yield gate
    real.journal.log.close()


def openid_client(job: dict[str, Any], answer: Callable[[str], str] | None = None) -> Any:
    """Run npm openid-client on a job; `answer` sends the browser and returns where it ends."""
    script = PARTS / "client.mjs"
    script.write_text((NPM / "client.mjs").read_text("utf-8"), "utf-8")
    process = subprocess.Popen(
        ["node", "--no-warnings", str(script)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    if answer is not None:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=30)[1]
        process.stdin.write(json.dumps({"back": answer(json.loads(line)["address"])}) + "\n")
        process.stdin.flush()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


@pytest.mark.parametrize("par", [False, True], ids=["", "par"])
@pytest.mark.parametrize("dpop", [False, True], ids=["", "dpop"])
def test_openid_client_signs_a_person_in(gate: Gate, par: bool, dpop: bool) -> None:
    made = gate.register(dpop_required=dpop)
    job = {
        "issuer": gate.issuer, "client_id": made.client_id, "secret": made.secret,
        "redirect_uri": BACK, "par": par, "dpop": dpop,
    }  # fmt: skip

    got = openid_client(job, gate.allow)

    mina = people.person(gate.runtime, "mina")
    assert got["sub"] == got["jose"] == str(mina.id)
    assert (got["name"], got["me"]["account"]) == ("김미나", "mina")
    assert got["token_type"].lower() == ("dpop" if dpop else "bearer")
    assert got["after"] == 401


def test_openid_client_signs_in_as_a_machine(gate: Gate) -> None:
    key = oauth_peer.ECKey.generate_key("P-256")
    made = gate.register(
        kind=ClientKind.MACHINE, auth_method=AuthMethod.PRIVATE_KEY_JWT, redirect_uris=(),
        scopes=MACHINE_SCOPES, jwks=json.dumps(key.as_dict(private=False)),
    )  # fmt: skip
    private = {name: value for name, value in key.as_dict(private=True).items() if name != "kid"}
    job = {
        "issuer": gate.issuer, "client_id": made.client_id, "key": private, "machine": True,
        "dpop": True,
    }  # fmt: skip

    got = openid_client(job)

    assert got["me"] == {
        "machine": {
            "client_id": made.client_id, "name": "연구 포털", "responsible": "Manager",
            "organisation_id": got["me"]["machine"]["organisation_id"],
            "organisation": got["me"]["machine"]["organisation"],
        }
    }  # fmt: skip


def test_idpyoidc_signs_a_person_in(gate: Gate, tmp_path: Path) -> None:
    made = gate.register()
    handler = RPHandler(
        base_url="https://rp.example.org",
        # Its default is a folder below wherever the tests were started.
        key_conf={
            "key_defs": DEFAULT_KEY_DEFS,
            "private_path": str(tmp_path / "private.json"),
            "public_path": str(tmp_path / "public.json"),
            "read_only": False,
        },
        services=DEFAULT_OIDC_SERVICES,
        client_configs={
            "sumun": {
                "client_type": "oidc",
                "issuer": gate.issuer,
                "client_id": made.client_id,
                "client_secret": made.secret,
                "redirect_uris": [BACK],
                "scopes_supported": ["openid", "profile"],
                "response_types_supported": ["code"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "token_endpoint_auth_method": "client_secret_basic",
                "add_ons": {
                    "pkce": {
                        "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                        "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
                    }
                },
            }
        },
    )

    address = handler.begin("sumun")
    back = gate.allow(address["url"] if isinstance(address, dict) else address)
    answer = dict(httpx2.URL(back).params)
    done = handler.finalize(gate.issuer, answer)

    assert str(people.person(gate.runtime, "mina").id) == done["userinfo"]["sub"]


def test_mod_auth_openidc_lets_a_person_through(gate: Gate, tmp_path: Path) -> None:
    port = free_port()
    back = f"http://localhost:{port}/private/back"
    made = gate.register(redirect_uris=(back,))
    assert made.secret is not None

    with (
        relying(tmp_path / "apache", port, (gate.issuer, made.client_id, made.secret)) as page,
        httpx2.Client(trust_env=False) as visitor,
    ):
        asked = visitor.get(page)
        returned = visitor.get(gate.allow(asked.headers["Location"]))
        shown = visitor.get(returned.headers["Location"])

    assert asked.status_code == 302
    assert shown.text == "behind the gate"


def test_oidc_agent_signs_in_by_the_device_flow(gate: Gate, tmp_path: Path) -> None:
    made = gate.register(
        kind=ClientKind.NATIVE, auth_method=AuthMethod.NONE, redirect_uris=("http://127.0.0.1/cb",)
    )
    with agent(tmp_path / "agent") as at_home:
        generator = subprocess.Popen(
            [
                "oidc-gen", "gate", "--flow=device", f"--issuer={gate.issuer}", "--no-url-call",
                f"--client-id={made.client_id}", "--client-secret=", "--redirect-uri=",
                "--scope=openid read offline_access", "--pw-cmd=echo secret",
                f"--device-authorization-endpoint={gate.issuer}/oauth2/device_authorization",
            ],
            env=at_home, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        code = read_code(generator)
        waiting = devices.waiting_device(
            gate.runtime, code, lambda name: find_client(gate.runtime, name)
        )
        assert waiting is not None
        assert oauth_peer.let_in(gate.runtime, people.person(gate.runtime, "mina"), waiting)
        out, _err = generator.communicate(timeout=60)
        assert generator.returncode == 0, out
        got = subprocess.run(
            ["oidc-token", "gate"],
            env=at_home,
            text=True,
            capture_output=True,
            timeout=30,
            check=True,
        )

    token = got.stdout.strip()
    me = httpx2.get(
        f"{gate.issuer}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
    assert me.json()["account"] == "mina"


@contextmanager
def agent(home: Path) -> Iterator[dict[str, str]]:
    """A running oidc-agent with a folder of its own; yields the environment to reach it."""
    home.mkdir(mode=0o700)
    environment = {**os.environ, "HOME": str(home), "OIDC_CONFIG_DIR": str(home / "config")}
    (home / "config").mkdir(mode=0o700)
    started = subprocess.run(
        ["oidc-agent"], env=environment, text=True, capture_output=True, timeout=30, check=True,
    )  # fmt: skip
    found = dict(re.findall(r"(OIDC\w+)=([^;]+);", started.stdout))
    assert "OIDC_SOCK" in found, started
    try:
        yield environment | found
    finally:
        subprocess.run(["kill", found["OIDCD_PID"]], check=False)


def read_code(process: subprocess.Popen[str]) -> str:
    """The user code that oidc-gen shows."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"\b([BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4})\b", line)
        if found:
            return found.group(1)
    raise AssertionError("".join(said))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_passport_and_its_visas_verify_in_npm_jose_and_pyjwt(gate: Gate, algorithm: str) -> None:
    mina = people.person(gate.runtime, "mina")
    town = worlds.build(gate.runtime)
    worlds.change(gate.runtime, Grant, town.grant, person_id=mina.id, organisation_id=None)
    worlds.change(gate.runtime, Acceptance, town.acceptance, person_id=mina.id)
    passport = passport_of(gate, algorithm)
    job = {"issuer": gate.issuer, "passport": passport, "jwks": f"{gate.issuer}/oauth2/jwks"}
    script = PARTS / "passport.mjs"
    script.write_text((NPM / "passport.mjs").read_text("utf-8"), "utf-8")

    ran = subprocess.run(
        ["node", "--no-warnings", str(script)], input=json.dumps(job) + "\n", text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    got = json.loads(ran.stdout)
    types = ["AcceptedTermsAndPolicies", "ControlledAccessGrants"]
    assert sorted(visa["type"] for visa in got["visas"]) == types
    assert {visa["alg"] for visa in got["visas"]} == {algorithm}
    assert {got["sub"], *(visa["sub"] for visa in got["visas"])} == {str(mina.id)}
    assert sorted(pyjwt_types(gate, passport)) == types


def passport_of(gate: Gate, algorithm: str) -> str:
    """A passport about whoever sits at the gate's browser."""
    made = gate.register(id_token_alg=algorithm)
    wanted = {
        "response_type": "code", "client_id": made.client_id, "redirect_uri": BACK,
        "scope": "openid ga4gh_passport_v1", "code_challenge": oauth_peer.challenge(),
        "code_challenge_method": "S256",
    }  # fmt: skip
    back = gate.allow(f"{gate.issuer}/oauth2/authorize?{urlencode(wanted)}")
    code = {
        "grant_type": "authorization_code", "code": httpx2.URL(back).params["code"],
        "redirect_uri": BACK, "code_verifier": oauth_peer.VERIFIER,
    }  # fmt: skip
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": "urn:ga4gh:params:oauth:token-type:passport",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    assert made.secret is not None
    with httpx2.Client(
        base_url=gate.issuer, auth=(made.client_id, made.secret), trust_env=False
    ) as program:
        token = program.post("/oauth2/token", data=code).json()["access_token"]
        answer = program.post("/oauth2/token", data=exchange | {"subject_token": token})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def pyjwt_types(gate: Gate, passport: str) -> list[str]:
    """The types of a passport's visas, each verified by PyJWT from the keys that it names."""
    outer = verified_by_pyjwt(passport, f"{gate.issuer}/oauth2/jwks", gate.issuer)
    found = []
    for visa in outer["ga4gh_passport_v1"]:
        jku = pyjwt.get_unverified_header(visa)["jku"]
        found.append(verified_by_pyjwt(visa, jku, gate.issuer)["ga4gh_visa_v1"]["type"])
    return found


def verified_by_pyjwt(token: str, jku: str, issuer: str) -> dict[str, Any]:
    keys = pyjwt.PyJWKSet.from_dict(httpx2.get(jku, trust_env=False).json())
    key = keys[pyjwt.get_unverified_header(token)["kid"]]
    found: dict[str, Any] = pyjwt.decode(token, key, ["RS256", "ES256"], issuer=issuer)
    return found
