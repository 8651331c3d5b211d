"""Makes the vectors anew: `python tests/unit/identity/passports/make_vectors.py`.

GA4GH publishes none. The private keys are thrown away, so the files show what no run can show by
itself: tokens that were signed once and are read for ever. `test_vectors.py` reads them.
"""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

FOLDER = Path(__file__).parent / "vectors"
NOW = 1_793_581_200  # 2026-11-02 01:00 UTC, where the clock of the tests stands
ISSUER, JKU = "https://visas.example.org/", "https://visas.example.org/jwks"
OTHER, OTHER_JKU = "https://broker.example.net", "https://broker.example.net/keys"
SOURCE, US, SUBJECT = "https://uni.example.org", "http://localhost:8400", "ada"
RSA, EC = RSAKey.generate_key(2048, {"kid": "rsa"}), ECKey.generate_key("P-256", {"kid": "ec"})
BROKER, STRANGER = ECKey.generate_key("P-256", {"kid": "b"}), RSAKey.generate_key(2048)
SMALL = RSAKey.generate_key(1024, {"kid": "small"})
BONA_FIDE = "https://doi.org/10.1038/s41431-018-0219-y"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: dict[str, Any], payload: dict[str, Any] | bytes, key: Any = RSA) -> str:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return jws.serialize_compact(header, body, key, [header["alg"]])


def raw(header: str | dict[str, Any], payload: str | dict[str, Any], signature: bytes) -> str:
    parts = [p if isinstance(p, str) else json.dumps(p) for p in (header, payload)]
    return ".".join([*(b64(part.encode()) for part in parts), b64(signature)])


def head(**changes: Any) -> dict[str, Any]:
    found = {"alg": "RS256", "typ": "vnd.ga4gh.visa+jwt", "kid": "rsa", "jku": JKU} | changes
    return {name: value for name, value in found.items() if value is not None}


def claims(visa: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    said = {
        "type": "ResearcherStatus", "value": BONA_FIDE, "source": SOURCE, "by": "so",
        "asserted": NOW - 86_400,
    } | (visa or {})  # fmt: skip
    found = {
        "iss": ISSUER, "sub": SUBJECT, "jti": "j", "iat": NOW - 60, "exp": NOW + 3600,
        "ga4gh_visa_v1": {name: value for name, value in said.items() if value is not None},
    } | changes  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def visa(said: dict[str, Any] | None = None, **changes: Any) -> str:
    return signed(head(), claims(said, **changes))


def passport(
    visas: Any, key: Any = BROKER, header: dict[str, Any] | None = None, **changes: Any
) -> str:
    found = {
        "iss": OTHER, "sub": "ada@broker", "jti": "p", "iat": NOW - 5, "exp": NOW + 600,
        "ga4gh_passport_v1": visas,
    } | changes  # fmt: skip
    given = {"alg": "ES256", "typ": "vnd.ga4gh.passport+jwt", "kid": "b"} | (header or {})
    return signed(given, {k: v for k, v in found.items() if v is not None}, key)


def case(name: str, tokens: str | list[str], **expected: Any) -> dict[str, Any]:
    listed = [tokens] if isinstance(tokens, str) else tokens
    return {"name": name, "tokens": listed, "expect": expected}


AFFILIATION = {"type": "AffiliationAndRole", "value": "member@uni.example.org", "by": "system"}
STEP = "https://uni.example.org/a;https://uni.example.org/b"


def good() -> list[dict[str, Any]]:
    ec = signed(head(alg="ES256", kid="ec"), claims(), EC)
    plain = visa()
    return [
        case("a visa signed with RS256", plain, believed=1),
        case("a visa signed with ES256", ec, believed=1),
        case(
            "typ with application/ and in capitals",
            signed(head(typ="application/VND.GA4GH.VISA+JWT"), claims()),
            believed=1,
        ),
        case("an audience that is us", visa(aud=[US, "https://x.example"]), believed=1),
        case("a passport of another broker", passport([plain, ec]), believed=2),
        case("a passport without visas", passport([]), believed=0),
        case("fields that nobody knows", visa({"colour": "green"}, extra={"a": 1}), believed=1),
        case("a scope without openid", visa(scope="ga4gh"), believed=1),
    ]


def _pem_hmac() -> str:
    header, body = head(alg="HS256"), claims()
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(body).encode())}"
    mac = hmac.digest(RSA.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{b64(mac)}"


def _tampered() -> str:
    first, _body, last = visa().split(".")
    other = b64(json.dumps(claims({"value": "https://uni.example.org/other"})).encode())
    return f"{first}.{other}.{last}"


def _twice() -> str:
    body = json.dumps(claims())[:-1] + f', "sub": "{SUBJECT}"}}'
    return signed(head(), body.encode())


def _twice_in_header() -> str:
    text = json.dumps(head())[:-1] + ', "alg": "RS256"}'
    return raw(text, claims(), b"x" * 256)


def forged() -> list[dict[str, Any]]:
    public = STRANGER.as_dict(private=False)
    first, middle, last = visa().split(".")
    ec = signed(head(alg="ES256", kid="ec"), claims(), EC)
    return [
        case(
            "alg none", raw(head(alg="none"), claims(), b"") + "AA", refused="algorithm_not_allowed"
        ),
        case(
            "alg none without a signature",
            raw(head(alg="none"), claims(), b""),
            refused="malformed",
        ),
        case(
            "alg None in other letters",
            raw(head(alg="nOnE"), claims(), b"x"),
            refused="algorithm_not_allowed",
        ),
        case("HS256 with the public key", _pem_hmac(), refused="algorithm_not_allowed"),
        case(
            "PS256, which GA4GH does not allow",
            signed(head(alg="PS256"), claims()),
            refused="algorithm_not_allowed",
        ),
        case(
            "another key under the right id",
            signed(head(), claims(), STRANGER),
            refused="signature_wrong",
        ),
        case(
            "an id that nobody knows", signed(head(kid="nobody"), claims()), refused="key_unknown"
        ),
        case(
            "no id where two keys would fit no more than one",
            signed(head(kid=None, alg="ES256"), claims(), BROKER),
            refused="signature_wrong",
        ),
        case(
            "the id of a key of the other kind",
            signed(head(kid="ec"), claims()),
            refused="key_unknown",
        ),
        case(
            "a key that is too short",
            signed(head(kid="small"), claims(), SMALL),
            refused="keys_unusable",
        ),
        case(
            "jwk in the header",
            signed(head(jwk=public), claims(), STRANGER),
            refused="brings_its_own_key",
        ),
        case(
            "x5u in the header",
            signed(head(x5u="https://evil.example/c"), claims(), STRANGER),
            refused="brings_its_own_key",
        ),
        case(
            "x5c in the header",
            signed(head(x5c=["AA=="]), claims(), STRANGER),
            refused="brings_its_own_key",
        ),
        case(
            "crit in the header",
            raw(head(crit=["exp"]), claims(), b"x"),
            refused="brings_its_own_key",
        ),
        case(
            "jku that is not on the list",
            signed(head(jku="https://evil.example/jwks"), claims(), STRANGER),
            refused="jku_not_trusted",
        ),
        case(
            "jku of a look-alike host",
            signed(head(jku="https://visas.example.org.evil.example/jwks"), claims()),
            refused="jku_not_trusted",
        ),
        case(
            "jku with the host as user",
            signed(head(jku="https://visas.example.org@evil.example/jwks"), claims()),
            refused="jku_not_trusted",
        ),
        case(
            "jku with dots in its path",
            signed(head(jku=JKU + "/../jwks"), claims()),
            refused="jku_not_trusted",
        ),
        case(
            "jku of another trusted issuer",
            signed(head(jku=OTHER_JKU, kid="b", alg="ES256"), claims(), BROKER),
            refused="jku_not_trusted",
        ),
        case("no jku", signed(head(jku=None), claims()), refused="jku_not_trusted"),
        case("jku that is a list", raw(head(jku=[JKU]), claims(), b"x"), refused="jku_not_trusted"),
        case(
            "an issuer that nobody trusts",
            visa(iss="https://evil.example/"),
            refused="issuer_not_trusted",
        ),
        case(
            "the issuer without its last slash", visa(iss=ISSUER[:-1]), refused="issuer_not_trusted"
        ),
        case("an issuer that is no text", visa(iss=[ISSUER]), refused="issuer_not_trusted"),
        case("no issuer", visa(iss=None), refused="issuer_not_trusted"),
        case("expired this second", visa(exp=NOW), refused="expired"),
        case("no exp", visa(exp=None), refused="malformed"),
        case("exp as text", visa(exp=str(NOW + 3600)), refused="malformed"),
        case(
            "exp without end",
            signed(head(), json.dumps(claims()).replace(str(NOW + 3600), "1e999").encode()),
            refused="malformed",
        ),
        case("no iat", visa(iat=None), refused="malformed"),
        case("issued in the future", visa(iat=NOW + 120), refused="not_yet_valid"),
        case("not yet valid", visa(nbf=NOW + 120), refused="not_yet_valid"),
        case("asserted in the future", visa({"asserted": NOW + 120}), refused="not_yet_valid"),
        case("asserted is true", visa({"asserted": True}), refused="malformed"),
        case("another audience", visa(aud="https://elsewhere.example"), refused="audience_wrong"),
        case(
            "an audience that only contains us",
            visa(aud=US + ".evil.example"),
            refused="audience_wrong",
        ),
        case("typ of an access token", signed(head(typ="at+jwt"), claims()), refused="typ_wrong"),
        case(
            "typ JWT where the issuer does not use it",
            signed(head(typ="JWT"), claims()),
            refused="typ_wrong",
        ),
        case("no typ", signed(head(typ=None), claims()), refused="typ_wrong"),
        case("a changed payload", _tampered(), refused="signature_wrong"),
        case(
            "a changed signature",
            f"{first}.{middle}.{last[:-8]}AAAAAAAA",
            refused="signature_wrong",
        ),
        case(
            "a signature of zeros",
            raw(head(alg="ES256", kid="ec"), claims(), b"\0" * 64),
            refused="signature_wrong",
        ),
        case(
            "the signature of another visa",
            ".".join(
                [
                    *ec.split(".")[:2],
                    signed(head(alg="ES256", kid="ec"), claims(jti="k"), EC).split(".")[2],
                ]
            ),
            refused="signature_wrong",
        ),
        case("a claim given twice", _twice(), refused="malformed"),
        case("a header given twice", _twice_in_header(), refused="malformed"),
        case("a payload that is a list", signed(head(), b"[1]"), refused="malformed"),
        case(
            "nested too deeply",
            signed(head(), ('{"a":' * 600 + "1" + "}" * 600).encode()),
            refused="malformed",
        ),
        case("larger than any visa", visa(extra="x" * 9000), refused="too_large"),
        case(
            "JSON serialization instead of compact",
            json.dumps({"payload": middle, "protected": first, "signature": last}).replace(" ", ""),
            refused="malformed",
        ),
        case("somebody else's visa", visa(sub="mallory"), refused="subject_not_linked"),
        case("the subject in other letters", visa(sub="Ada"), refused="subject_not_linked"),
        case(
            "the subject that another issuer gave",
            visa(sub="ada@broker"),
            refused="subject_not_linked",
        ),
        case("no subject", visa(sub=None), refused="malformed"),
        case("no visa claim", visa(ga4gh_visa_v1=None), refused="malformed"),
        case(
            "an access token in place of a document",
            visa(scope="openid ga4gh_passport_v1"),
            refused="malformed",
        ),
        case(
            "a type that is not accepted",
            visa({"type": "https://evil.example/God"}),
            refused="type_not_accepted",
        ),
        case(
            "a type in other letters",
            visa({"type": "researcherstatus"}),
            refused="type_not_accepted",
        ),
        case("no type", visa({"type": None}), refused="type_not_accepted"),
        case("no by", visa({"by": None}), refused="authority_not_accepted"),
        case("by the person themselves", visa({"by": "self"}), refused="authority_not_accepted"),
        case("by an unknown authority", visa({"by": "king"}), refused="authority_not_accepted"),
        case(
            "another source", visa({"source": "https://evil.example"}), refused="source_not_trusted"
        ),
        case("no source", visa({"source": None}), refused="source_not_trusted"),
        case("no value", visa({"value": None}), refused="malformed"),
        case("a value that is too long", visa({"value": "v" * 256}), refused="malformed"),
        case(
            "a passport of a stranger's key",
            passport([visa()], STRANGER, {"alg": "RS256", "kid": "b"}),
            whole="key_unknown",
        ),
        case(
            "a passport for somewhere else",
            passport([visa()], aud=["https://elsewhere.example"]),
            whole="audience_wrong",
        ),
        case("an expired passport", passport([visa()], exp=NOW - 1), whole="expired"),
        case(
            "somebody else's passport",
            passport([visa()], sub="mallory"),
            whole="subject_not_linked",
        ),
        case(
            "a passport with jku elsewhere",
            passport([visa()], header={"jku": "https://evil.example"}),
            whole="jku_not_trusted",
        ),
        case("a passport without its claim", passport(None), whole="malformed"),
        case("a passport of numbers", passport([1]), whole="malformed"),
        case("a passport in a passport", passport([passport([visa()])]), refused="typ_wrong"),
        case("a passport of too many visas", passport([ec] * 65), whole="too_large"),
        case(
            "a passport of an untrusted broker",
            passport([visa()], iss="https://evil.example"),
            whole="issuer_not_trusted",
        ),
    ]


def conditional(*groups: Any) -> str:
    return visa({"conditions": list(groups)})


def clause(**fields: Any) -> dict[str, Any]:
    return {"type": "AffiliationAndRole"} | fields


def conditions() -> list[dict[str, Any]]:
    held = visa(AFFILIATION)
    split = visa(AFFILIATION | {"value": "a@x;b@y"})
    nested = visa(AFFILIATION | {"conditions": [[clause(value="pattern:*")]]})
    met = {
        "const": [clause(value="const:member@uni.example.org")],
        "all fields at once": [
            clause(value="pattern:member@*", source=f"const:{SOURCE}", by="const:system")
        ],
        "a star that matches nothing": [clause(value="pattern:*member@uni.example.org*")],
        "a question mark": [clause(value="pattern:membe?@uni.example.or?")],
        "two clauses, one visa": [clause(by="const:system"), clause(value="pattern:*@uni*")],
    }
    unmet = {
        "another value": [clause(value="const:faculty@uni.example.org")],
        "const with a star in it": [clause(value="const:member@*")],
        "a question mark too many": [clause(value="pattern:member@uni.example.org?")],
        "part of the value": [clause(value="pattern:member")],
        "letters of another case": [clause(value="const:Member@uni.example.org")],
        "a point is no wildcard": [clause(value="pattern:member@uni.example.o.g")],
        "brackets are no set": [clause(value="pattern:[m]ember@uni.example.org")],
        "an unknown match type": [clause(value="regex:.*")],
        "no match type": [clause(value="member@uni.example.org")],
        "const in capitals": [clause(value="CONST:member@uni.example.org")],
        "nothing but a type": [clause()],
        "no type": [{"value": "pattern:*"}],
        "another type": [{"type": "LinkedIdentities", "value": "pattern:*"}],
        "a condition on a time": [clause(value="pattern:*", asserted="pattern:*")],
        "a condition on conditions": [clause(value="pattern:*", conditions="pattern:*")],
        "an unknown field": [clause(value="pattern:*", colour="pattern:*")],
        "a field that is no text": [clause(value=["const:member@uni.example.org"])],
        "one of two clauses": [clause(by="const:system"), clause(by="const:dac")],
        "an empty group": [],
        "a group that is no list": clause(value="pattern:*"),
        "a clause that is no object": ["AffiliationAndRole"],
        "more clauses than are looked at": [clause(value="pattern:*")] * 65,
    }
    return [
        *(
            case(f"met: {name}", [conditional(group), held], believed=2)
            for name, group in met.items()
        ),
        case(
            "met: the second group",
            [conditional(unmet["another value"], met["const"]), held],
            believed=2,
        ),
        case(
            "met: a part of a split value",
            [conditional([clause(value="split_pattern:?@y")]), split],
            believed=2,
        ),
        *(
            case(
                f"unmet: {name}",
                [conditional(group), held],
                believed=1,
                refused="conditions_not_met",
            )
            for name, group in unmet.items()
        ),
        case(
            "unmet: pattern does not split",
            [conditional([clause(value="pattern:?@y")]), split],
            believed=1,
            refused="conditions_not_met",
        ),
        case(
            "unmet: split_pattern on no part",
            [conditional([clause(value="split_pattern:*@x;*")]), split],
            believed=1,
            refused="conditions_not_met",
        ),
        case("unmet: nothing else held", conditional(met["const"]), refused="conditions_not_met"),
        case(
            "unmet: the other visa has conditions itself",
            [conditional(met["const"]), nested],
            refused="conditions_not_met",
        ),
        case(
            "unmet: each the other's condition",
            [
                conditional([clause(value="pattern:*")]),
                visa(
                    AFFILIATION
                    | {"conditions": [[{"type": "ResearcherStatus", "value": "pattern:*"}]]}
                ),
            ],
            refused="conditions_not_met",
        ),
        case(
            "unmet: the other visa is somebody else's",
            [conditional(met["const"]), visa(AFFILIATION, sub="mallory")],
            refused="conditions_not_met",
        ),
        case(
            "unmet: the other visa has expired",
            [conditional(met["const"]), visa(AFFILIATION, exp=NOW - 1)],
            refused="conditions_not_met",
        ),
        case(
            "unmet: no group at all",
            [visa({"conditions": []}), held],
            believed=1,
            refused="conditions_not_met",
        ),
        case(
            "unmet: conditions are null",
            [
                signed(
                    head(),
                    claims() | {"ga4gh_visa_v1": claims()["ga4gh_visa_v1"] | {"conditions": None}},
                ),
                held,
            ],
            believed=1,
            refused="conditions_not_met",
        ),
        case(
            "unmet: conditions are text",
            [visa({"conditions": "const:x"}), held],
            believed=1,
            refused="conditions_not_met",
        ),
    ]


def main() -> None:
    keys = [RSA, EC, SMALL]
    setting = {
        "now": NOW,
        "us": US,
        "linked": [[ISSUER, SUBJECT], [OTHER, "ada@broker"]],
        "jwks": {
            JKU: {"keys": [key.as_dict(private=False) for key in keys]},
            OTHER_JKU: {"keys": [BROKER.as_dict(private=False)]},
        },
        "issuers": [
            {
                "id": "visas", "name": "Visas", "issuer": ISSUER, "jku": [JKU],
                "sources": [SOURCE], "types": ["ResearcherStatus", "AffiliationAndRole"],
                "by": ["so", "system"],
            },
            {
                "id": "broker", "name": "Broker", "issuer": OTHER, "jku": [OTHER_JKU],
                "sources": [OTHER], "types": ["AffiliationAndRole"], "by": ["system"],
            },
        ],
    }  # fmt: skip
    FOLDER.mkdir(exist_ok=True)
    parts = {"setting": setting, "good": good(), "forged": forged(), "conditions": conditions()}
    for name, content in parts.items():
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text, "utf-8")
    print({name: len(content) for name, content in parts.items()})


if __name__ == "__main__":
    main()
