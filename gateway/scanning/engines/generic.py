"""Identifiers that no country owns, with edges that a Korean particle does not hide; secrets."""

from __future__ import annotations

import re

from gateway.scanning.engines import checks
from gateway.scanning.engines.rules import LEFT, RIGHT, Rule, RuleRecognizer

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_HEX = "[0-9A-Fa-f]"
_IP_CUE = re.compile(r"(?<![A-Za-z])ip(?![A-Za-z])|주소|서버|접속|address|host|gateway", re.I)
_CARD_CUE = re.compile(r"카드|(?<![A-Za-z])(?:card|visa|mastercard|amex|credit)", re.I)
_CALL_CUE = re.compile(
    r"전화|연락처|(?<![A-Za-z])(?:tel|phone|mobile|fax|cell|call|reach|dial|number)", re.I
)

# ISO/IEC 7812 card numbers: 13-19 digits, Luhn. At a cue word a mistyped one is reported too.
CREDIT_CARD = (
    Rule("grouped", re.compile(
        rf"{LEFT}(?:[2-69]\d{{3}}([- ])\d{{4}}\1\d{{4}}\1\d{{1,7}}"
        rf"|3\d{{3}}([- ])\d{{6}}\2\d{{4,5}}){RIGHT}"), 0.9,
        cued=1.0, denied=0.6, cue=_CARD_CUE, valid=checks.luhn),
    Rule("joined", re.compile(rf"{LEFT}(?:[2-69]\d{{12,18}}|(?:1800|2131)\d{{11}}){RIGHT}"), 0.5,
         cued=1.0, cue=_CARD_CUE, valid=checks.luhn),
    Rule("mistyped at its cue", re.compile(
        rf"{LEFT}(?:\d{{4}}([- ])\d{{4}}\1\d{{4}}\1\d{{4}}|\d{{12,19}}){RIGHT}"), 0.0,
        cued=0.6, cue=_CARD_CUE),
)  # fmt: skip

# RFC 791 and RFC 4291 addresses.
IP_ADDRESS = (
    Rule("v4", re.compile(
        rf"(?<![0-9A-Za-z])(?<![0-9][.]){_OCTET}(?:\.{_OCTET}){{3}}{RIGHT}"),
        0.35, checked=0.8, cued=0.95, cue=_IP_CUE, check=checks.long_ipv4,
        valid=checks.public_ipv4),
    Rule("v6", re.compile(
        rf"(?<![0-9A-Za-z:])(?:{_HEX}{{0,4}}:){{2,7}}{_HEX}{{0,4}}(?![0-9A-Za-z:])"),
         0.75, cued=0.95, cue=_IP_CUE, valid=checks.ipv6),
)  # fmt: skip

# RFC 5321 lengths; file names such as icon@2x.png are not addresses.
EMAIL_ADDRESS = (
    Rule("address", re.compile(
        r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@"
        r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,5}"
        r"(?!(?:png|jpe?g|gif|svg|webp|js|css|py)(?![A-Za-z]))[A-Za-z]{2,24}(?![A-Za-z0-9-])",
        re.I), 0.99, deny=None),
)  # fmt: skip

# IEEE 802 MAC addresses.
MAC_ADDRESS = (
    Rule("pairs", re.compile(
        rf"(?<![0-9A-Za-z:-]){_HEX}{{2}}([:-]){_HEX}{{2}}(?:\1{_HEX}{{2}}){{4}}(?![0-9A-Za-z:-])"),
        0.85, deny=None),
    Rule("dotted", re.compile(
        rf"(?<![0-9A-Za-z.]){_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}(?![0-9A-Za-z.])"), 0.6),
)  # fmt: skip

# United States Social Security numbers (SSA).
US_SSN = (
    Rule("hyphenated", re.compile(rf"{LEFT}\d{{3}}([- ])\d{{2}}\1\d{{4}}{RIGHT}"), 0.6,
         cued=0.95, cue=re.compile(r"ssn|social", re.I), valid=checks.ssn_issued),
    Rule("joined at its cue", re.compile(rf"{LEFT}\d{{9}}{RIGHT}"), 0.0,
         cued=0.8, cue=re.compile(r"ssn|social", re.I), valid=checks.ssn_issued),
)  # fmt: skip

# ISO 13616; the registry's lengths decide where the number ends.
IBAN_CODE = (
    Rule("account", re.compile(
        r"(?<![0-9A-Za-z])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?"), 0.95,
        deny=None),
)  # fmt: skip

# ITU-T E.164 with a plus sign; the North American plan in its usual spellings.
PHONE_NUMBER = (
    Rule("international", re.compile(
        r"(?<![0-9A-Za-z+])(?:\+|00)(?!82[- .0-9])[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?"
        rf"\d{{1,4}}(?:[ .-]?\d{{2,4}}){{1,4}}{RIGHT}"), 0.6,
        cued=0.9, cue=_CALL_CUE, valid=checks.phone_length),
    Rule("north american", re.compile(
        r"(?<![0-9A-Za-z])(?<![0-9][-.])(?:\+?1[-. ]?|001-)?"
        r"(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-.])\d{3}[-.]\d{4}(?:x\d{1,5})?(?![0-9A-Za-z])"), 0.55,
        cued=0.85, cue=_CALL_CUE),
    Rule("at its cue", re.compile(rf"{LEFT}\(?\d{{2,5}}\)?(?:[ .-]?\d{{2,5}}){{1,4}}{RIGHT}"), 0.0,
         cued=0.5, cue=re.compile(r"(?<![A-Za-z])(?:tel|phone|mobile|fax|cell)(?![A-Za-z])", re.I),
         valid=checks.phone_length),
)  # fmt: skip

# Credentials that open something: published prefixes of their issuers, PEM (RFC 7468), JWT.
_UNJOINED = r"(?<![A-Za-z0-9_-])"
SECRET = (
    Rule("private key", re.compile(r"-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY-----"), 1.0,
         deny=None),
    Rule("issued token", re.compile(
        _UNJOINED + r"(?:AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,255}"
        r"|github_pat_[A-Za-z0-9_]{22,255}|xox[abprs]-[A-Za-z0-9-]{10,200}"
        r"|sk_live_[A-Za-z0-9]{16,100}|AIza[0-9A-Za-z_-]{35})"), 0.95, deny=None),
    Rule("json web token", re.compile(
        _UNJOINED + r"eyJ[A-Za-z0-9_-]{8,200}\.eyJ[A-Za-z0-9_-]{8,500}\.[A-Za-z0-9_-]{8,300}"), 0.9,
        deny=None),
    Rule("password", re.compile(
        r"(?:(?<![A-Za-z])(?:password|passwd|pwd|secret_?key|api_?key|access_?key)|비밀번호|암호)"
        r"[\"']? ?[:=] ?[\"']?(?P<v>[!#-&(-~]{6,100})", re.I), 0.5, deny=None, valid=checks.mixed),
    Rule("password in a URL", re.compile(
        r"(?<=://)(?P<v>[A-Za-z0-9._%-]{1,64}:[^\s:@/\x1e]{1,64})@"), 1.0, deny=None),
)  # fmt: skip


class IbanRecognizer(RuleRecognizer):
    """IBANs: the pattern may run into the next word, the country's length ends it."""

    def trim(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Keep the valid IBAN at the head of the match, or nothing."""
        return start, start + checks.iban_length(text[start:end])
