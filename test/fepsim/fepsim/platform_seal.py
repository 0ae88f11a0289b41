"""How messages are signed and encrypted for a platform, and before it: both ends, from the protocol text.

    x-tif      headers: SHA-256 over time, token, nonce, time
    zhejiang   headers: HMAC-SM3 over time and body
    jilin      a bearer token; input and output under SM4 in Base64, the signature over their plain bytes in cainfo
    hubei      the signature over the members of the head in cainfo
    envelope   an outer object of appId, SM4 data and SM2 signature
    java       the same with names in one order whatever their case
    portal     the same with appCode and seconds; numbers quoted and empty members left out in the first level only

The keys stand in a folder, one file each: app_id, app_secret, sign_key (ours), verify_key (theirs), header_id, header_token,
bearer_token. Decimals keep their digits: numbers are read as texts that know that they were none.
"""

import base64
import hashlib
import json
import pathlib
import secrets
import time
from collections.abc import Callable

from . import sm

KINDS = ("x-tif", "zhejiang", "jilin", "hubei", "envelope", "java", "portal")
ENVELOPES = frozenset({"envelope", "java", "portal"})
HEADER_KINDS = frozenset({"x-tif", "zhejiang"})


class NotSealed(ValueError):
    """What came is not sealed as agreed."""


class Digits(str):
    """A number of JSON, digit for digit."""


def read_json(text: bytes | str) -> object:
    """Read JSON whose numbers stay what they are."""
    return json.loads(text, parse_float=Digits, parse_int=Digits)


def is_empty(value: object) -> bool:
    """Is this a value that leaves the text to sign?"""
    return value is None or value == "" or value == []


def ascii_order(name: str) -> str:
    """Sort names as they are."""
    return name


def caseless_order(name: str) -> tuple[str, str]:
    """Sort names whatever their case."""
    return name.lower(), name


def canonical(value: object, quoted: bool, first_only: bool, level: int = 0, order: Callable = ascii_order) -> str:
    """Write compact JSON, names sorted; with `quoted` numbers are texts and empty members are gone."""
    in_force = quoted and (level == 0 or not first_only)
    if isinstance(value, dict):
        kept = sorted((name for name, inside in value.items() if not (in_force and is_empty(inside))), key=order)
        return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:"
                              f"{_member(value[name], quoted, first_only, level, order)}" for name in kept) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(inside, quoted, first_only, level + 1, order) for inside in value) + "]"
    return _plain(value, in_force)


def _member(value: object, quoted: bool, first_only: bool, level: int, order: Callable) -> str:
    if isinstance(value, (dict, list)):
        return canonical(value, quoted, first_only, level + 1, order)
    return _plain(value, quoted and (level == 0 or not first_only))


def _plain(value: object, quoted: bool) -> str:
    if isinstance(value, Digits):
        return f'"{value}"' if quoted else str(value)
    if isinstance(value, bool):
        return json.dumps(str(value).lower()) if quoted else str(value).lower()
    return json.dumps(value, ensure_ascii=False)


def pairs(outer: dict, quoted: bool, first_only: bool = False, ending: str = "", order: Callable = ascii_order) -> bytes:
    """Write name=value joined by &, names sorted, empty ones gone."""
    def bare(value: object) -> str:
        if isinstance(value, (dict, list)):
            return canonical(value, quoted, first_only, order=order)
        return value if isinstance(value, str) else _plain(value, False)
    kept = sorted((name for name, value in outer.items() if not is_empty(value)), key=order)
    return ("&".join(f"{name}={bare(outer[name])}" for name in kept) + ending).encode()


class Seal:
    """One end: seals what it sends, opens what it gets."""

    def __init__(self, kind: str, folder: str):
        if kind not in KINDS:
            raise ValueError(kind)
        self.kind = kind
        keys = pathlib.Path(folder)
        self._secrets = {file.name: file.read_text(encoding="utf-8").strip() for file in keys.iterdir()}
        if kind not in HEADER_KINDS:
            public = self._secrets["verify_key"]
            self._own = sm.Key(int(self._secrets["sign_key"], 16))
            self._peer = sm.Key.public((int(public[2:66], 16), int(public[66:], 16)))
        self._nonces: set[str] = set()

    # ---- headers ---------------------------------------------------------------------------------------------------

    def headers(self, body: bytes) -> dict[str, str]:
        """Return what a request carries beside its body."""
        stamp, nonce, known = str(int(time.time())), secrets.token_hex(8), self._secrets
        if self.kind == "x-tif":
            return {"x-tif-paasid": known["header_id"], "x-tif-timestamp": stamp, "x-tif-nonce": nonce,
                    "x-tif-signature": self._tif(stamp, nonce)}
        if self.kind == "zhejiang":
            return {"x-ca-key": known["header_id"], "x-ca-signature": f"{stamp}:{self._hmac(stamp, body)}"}
        return {"authorization": "Bearer " + known["bearer_token"]} if self.kind == "jilin" else {}

    def _tif(self, stamp: str, nonce: str) -> str:
        return hashlib.sha256((stamp + self._secrets["header_token"] + nonce + stamp).encode()).hexdigest()

    def _hmac(self, stamp: str, body: bytes) -> str:
        return sm.hmac_sm3(self._secrets["header_token"].encode(), stamp.encode() + b"\n" + body).hex().upper()

    def check_headers(self, given: dict[str, str], body: bytes) -> None:
        """Refuse a request whose headers are not signed; a nonce is good once."""
        if self.kind == "x-tif":
            stamp, nonce = given.get("x-tif-timestamp", ""), given.get("x-tif-nonce", "")
            good = given.get("x-tif-signature") == self._tif(stamp, nonce) and nonce not in self._nonces
            self._nonces.add(nonce)
            good = good and given.get("x-tif-paasid") == self._secrets["header_id"] and len(stamp) == 10
        elif self.kind == "zhejiang":
            stamp, _, signature = given.get("x-ca-signature", "").partition(":")
            good = signature == self._hmac(stamp, body) and given.get("x-ca-key") == self._secrets["header_id"]
        else:
            good = self.kind != "jilin" or given.get("authorization") == "Bearer " + self._secrets["bearer_token"]
        if not good:
            raise NotSealed("headers")

    # ---- messages --------------------------------------------------------------------------------------------------

    def seal(self, plain: bytes, carrier: str) -> bytes:
        """Seal an envelope whose content is the member `carrier`."""
        if self.kind in HEADER_KINDS:
            return plain
        message = read_json(plain)
        if self.kind in ENVELOPES:
            return self._wrap(plain, message)
        if self.kind == "jilin":
            return self._seal_carried(message, carrier)
        message["signtype"] = "SM2"
        message["cainfo"] = base64.b64encode(self._own.sign(self._head(message))).decode()
        return _dump(message)

    def open(self, sealed: bytes, carrier: str) -> bytes:
        """Open a message, or say that it is not sealed as agreed."""
        if self.kind in HEADER_KINDS:
            return sealed
        try:
            message = read_json(sealed)
            if self.kind in ENVELOPES:
                return self._unwrap(message)
            if self.kind == "jilin":
                return self._open_carried(message, carrier)
            self._verify(self._head(message), message["cainfo"])
            return _dump({**message, "cainfo": ""})
        except (KeyError, ValueError, TypeError) as trouble:
            raise NotSealed(str(trouble)) from trouble

    def _verify(self, text: bytes, signature: str) -> None:
        if not self._peer.verify(text, base64.b64decode(signature, validate=True)):
            raise NotSealed("signature")

    def _head(self, message: dict) -> bytes:
        return pairs({name: value for name, value in message.items() if name not in ("cainfo", "input", "output")}, False)

    def _seal_carried(self, message: dict, carrier: str) -> bytes:
        if is_empty(message.get(carrier)):
            return _dump(message)  # a refusal has no output, and so nothing to seal
        plain = _dump(message[carrier])
        key = self._secrets["app_id"].encode()[:16]
        message.update({carrier: base64.b64encode(sm.sm4_encrypt(key, plain)).decode(), "encType": "SM4",
                        "signtype": "SM2", "cainfo": base64.b64encode(self._own.sign(plain)).decode()})
        return _dump(message)

    def _open_carried(self, message: dict, carrier: str) -> bytes:
        if carrier == "output" and is_empty(message.get(carrier)) and message.get("infcode") not in ("0", 0):
            return _dump(message)
        plain = sm.sm4_decrypt(self._secrets["app_id"].encode()[:16], base64.b64decode(message[carrier], validate=True))
        self._verify(plain, message["cainfo"])
        return _dump({**message, carrier: read_json(plain), "cainfo": ""})

    def _names(self) -> tuple[str, str]:
        now = time.time()
        compact = time.strftime("%Y%m%d%H%M%S", time.gmtime(now + 8 * 3600))
        return ("appCode", str(int(now))) if self.kind == "portal" else ("appId", compact)

    def _signed_text(self, outer: dict, data: object) -> bytes:
        inside = {name: value for name, value in outer.items() if name not in ("signData", "encData", "extra")}
        return pairs({**inside, "data": data}, True, self.kind == "portal", "&key=" + self._secrets["app_secret"],
                     caseless_order if self.kind == "java" else ascii_order)

    def _wrap(self, plain: bytes, message: object) -> bytes:
        name, stamp = self._names()
        outer = {name: self._secrets["app_id"], "version": "1.0.0", "encType": "SM4", "signType": "SM2", "timestamp": stamp}
        key = sm.derive_key(self._secrets["app_id"], self._secrets["app_secret"])
        signature = self._own.sign(self._signed_text(outer, message))
        return _dump({**outer, "encData": sm.sm4_encrypt(key, plain).hex().upper(),
                      "signData": base64.b64encode(signature).decode()})

    def _unwrap(self, outer: dict) -> bytes:
        if outer[self._names()[0]] != self._secrets["app_id"]:
            raise NotSealed("another application")
        key = sm.derive_key(self._secrets["app_id"], self._secrets["app_secret"])
        plain = sm.sm4_decrypt(key, bytes.fromhex(outer["encData"]))
        self._verify(self._signed_text(outer, read_json(plain)), outer["signData"])
        return plain


def _dump(value: object) -> bytes:
    """Write JSON; numbers digit for digit."""
    if isinstance(value, Digits):
        return value.encode()
    if isinstance(value, dict):
        return b"{" + b",".join(json.dumps(name, ensure_ascii=False).encode() + b":" + _dump(inside)
                                for name, inside in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(_dump(inside) for inside in value) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()
