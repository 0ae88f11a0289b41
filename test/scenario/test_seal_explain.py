"""The signature doctor: messages sealed in many dialects by an implementation of the test's own (fepsim's sm.py and this
file, from the protocol text); fepctl must name the dialect, and nothing of the message."""

import base64
import hashlib
import hmac
import json
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "fepsim"))

from fepctl import FepctlCase  # noqa: E402
from fepsim import sm  # noqa: E402

APP_ID, APP_SECRET = "A1B2C3D4E5F60718293A4B5C6D7E8F90", "0F9E8D7C6B5A49382716051423342516"
OTHER, OWN = sm.Key(), sm.Key()
NAME, CERT = "张三丰", "450103199001011234"
DATA = {"infno": "2207", "psn_name": NAME, "certno": CERT, "medfee": 12.5, "medOrgOrd": "8/9", "empty": "", "none": None,
        "list": [], "ok": True, "rows": [{"b": 2, "a": "x", "Z": None}], "inner": {"y": "", "x": 1}}


def encode(raw: bytes, encoding: str) -> str:
    """Bytes as the profile's word says."""
    text = {"base64": lambda: base64.b64encode(raw).decode(), "hex": raw.hex, "HEX": lambda: raw.hex().upper(),
            "base64url": lambda: base64.urlsafe_b64encode(raw).decode().rstrip("="),
            "base64-lines": lambda: "\n".join(base64.b64encode(raw).decode()[i:i + 76]
                                              for i in range(0, (len(raw) + 2) // 3 * 4, 76))}
    return text[encoding]()


class Dialect:
    """One way to sign and encrypt; the keys are the profile's, in the form group_key."""

    def __init__(self, **changes: object) -> None:
        self.order, self.numbers, self.empties, self.depth = "ascii", "quoted", "drop", "all"
        self.escapes, self.charset, self.style, self.data = "none", "utf-8", "pairs", "plain"
        self.suffix: str = "&key=" + APP_SECRET
        self.leaving = ("signData", "encData", "extra")
        self.ident, self.form, self.encoding, self.digest = sm.DEFAULT_ID, "rs", "base64", "text"
        self.key = sm.derive_key(APP_ID, APP_SECRET)
        self.mode, self.iv, self.padding, self.cipher_encoding = "ecb", b"", "pkcs7", "HEX"
        self.app_name, self.signer = "appId", OTHER
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def json_text(self, text: str) -> str:
        """A JSON string in the dialect's escapes."""
        if self.escapes.lower() == "unicode":
            plain = json.dumps(text)
            return plain if self.escapes == "unicode" else "".join(
                c if not (i and plain[max(0, i - 5):i].rfind("\\u") >= 0) else c.upper() for i, c in enumerate(plain))
        plain = json.dumps(text, ensure_ascii=False)
        return plain.replace("/", "\\/") if self.escapes == "slash" else plain

    def sort(self, names: list[str]) -> list[str]:
        """Names in the dialect's order."""
        if self.order == "given":
            return names
        return sorted(names, key=(lambda n: (n.lower(), n)) if self.order == "caseless" else None)

    def is_dropped(self, value: object) -> bool:
        """Is this member left out?"""
        if self.empties == "drop":
            return value in (None, "", []) and value is not False and value != 0
        return self.empties == "drop-null" and value is None

    def canonical(self, value: object, level: int = 0, leaving: tuple[str, ...] = ()) -> str:
        """The compact JSON that is signed."""
        if isinstance(value, dict):
            in_force = level == 0 or self.depth == "all"
            names = [n for n, v in value.items() if not (in_force and self.is_dropped(v)) and n not in leaving]
            return "{" + ",".join(f"{self.json_text(n)}:{self.canonical(value[n], level + 1)}"
                                  for n in self.sort(names)) + "}"
        if isinstance(value, list):
            return "[" + ",".join(self.canonical(v, level + 1) for v in value) + "]"
        if isinstance(value, str):
            return self.json_text(value)
        plain = json.dumps(value)
        quoted = self.numbers == "quoted" and value is not None and (level <= 1 or self.depth == "all")
        return f'"{plain}"' if quoted else plain

    def bare(self, value: object) -> str:
        """A value between = and &: texts and numbers stand there as they are."""
        if isinstance(value, str):
            return value
        return self.canonical(value) if isinstance(value, (dict, list)) else json.dumps(value)

    def text(self, outer: dict) -> bytes:
        """What is signed of an object."""
        if self.style == "json":
            made = self.canonical(outer, 0, self.leaving)
        else:
            kept = {n: v for n, v in outer.items() if n not in self.leaving and v is not None and not self.is_dropped(v)}
            parts = [(n, self.bare(kept[n])) for n in self.sort(list(kept))]
            made = "&".join(f"{n}={v}" for n, v in parts) if self.style == "pairs" else "".join(v for _, v in parts)
        return (made + self.suffix).encode("gbk" if self.charset == "gbk" else "utf-8")

    def sign(self, text: bytes) -> str:
        """The signature as it is written."""
        digest = sm.sm3(text)
        given = {"text": text, "sm3": digest, "sm3-hex": digest.hex().encode(), "sm3-HEX": digest.hex().upper().encode()}
        raw = self.signer.sign(given[self.digest], self.ident)
        return encode(sm.to_der(raw) if self.form == "der" else raw, self.encoding)

    def encrypt(self, plain: bytes) -> str:
        """The encrypted text as it is written."""
        if self.mode == "ecb":
            return encode(sm.sm4_encrypt(self.key, plain, self.padding), self.cipher_encoding)
        iv = self.iv or bytes(range(16))
        raw = sm.sm4_encrypt(self.key, plain, self.padding, iv)
        return encode(raw if self.iv else iv + raw, self.cipher_encoding)

    def envelope(self) -> dict:
        """A sealed message of kind envelope."""
        outer = {self.app_name: APP_ID, "version": "1.0.0", "encType": "SM4", "signType": "SM2",
                 "timestamp": "20260102030405"}
        encrypted = self.encrypt(json.dumps(DATA, ensure_ascii=False).encode())
        text = self.text({**outer, "data": encrypted if self.data == "cipher" else DATA})
        return {**outer, "encData": encrypted, "signData": self.sign(text)}


class DoctorCase(FepctlCase):
    """A folder of secrets, a profile and a captured message."""

    def setUp(self):
        super().setUp()
        self.secrets = self.directory / "secrets"
        self.secrets.mkdir(mode=0o700)
        for name, value in (("app_id", APP_ID), ("app_secret", APP_SECRET), ("verify_key", OTHER.public_hex),
                            ("sign_key", OWN.private_hex), ("header_id", "H45010000001"), ("header_token", "s3cret")):
            self.put(name, value)

    def put(self, name: str, value: str) -> None:
        """A secret, closed to others."""
        path = self.secrets / name
        path.write_text(value)
        path.chmod(0o600)

    def explain(self, captured: str | dict, profile: str = 'message = "envelope";', expected: int = 0,
                *more: str) -> dict:
        """What fepctl says of it, as JSON; never anything of the message."""
        path, capture = self.directory / "profile.cfg", self.directory / "captured"
        path.write_text(f"seal = {{ {profile} }};\n")
        capture.write_text(captured if isinstance(captured, str) else json.dumps(captured, ensure_ascii=False))
        words = ("seal", "explain", str(capture), "--profile", str(path), "--secrets", str(self.secrets),
                 "--seconds", "60", *more)
        for json_flag in (("--json",), ()) if expected == 0 else (("--json",),):
            out, err = self.expect(expected, *words, *json_flag)
            for personal in (NAME, CERT, "12.5", APP_ID, APP_SECRET, "s3cret", "H45010000001"):
                self.assertNotIn(personal, out + err)
            if json_flag:
                said = json.loads(out)
            else:
                for section in ("headers", "message"):
                    for change in said[section]["differences"]:
                        self.assertIn(f'{change["key"]} = "{change["found"]}"', out)
        return said

    def differences(self, said: dict, section: str = "message") -> dict[str, str]:
        """Keys and what was found."""
        return {change["key"]: change["found"] for change in said[section]["differences"]}


B64 = {"encoding": "base64"}
GOOD_PAIR = {"order": "caseless", "form": "der"}
ENVELOPES: list[tuple[dict, dict[str, str]]] = [
    ({}, {}),
    ({"ident": b""}, {"sign.id": ""}),
    ({"ident": APP_SECRET.encode()}, {"sign.id_from": "app_secret"}),
    ({"ident": APP_ID.encode()}, {"sign.id_from": "app_id"}),
    ({"form": "der"}, {"sign.form": "der"}),
    ({"encoding": "hex"}, {"sign.encoding": "hex"}),
    ({"encoding": "HEX"}, {"sign.encoding": "HEX"}),
    ({"form": "der", "encoding": "hex"}, {"sign.form": "der", "sign.encoding": "hex"}),
    ({"encoding": "base64-lines"}, {"sign.encoding": "base64-lines"}),
    ({"digest": "sm3"}, {"sign.digest": "sm3"}),
    ({"digest": "sm3-hex"}, {"sign.digest": "sm3-hex"}),
    ({"digest": "sm3-HEX"}, {"sign.digest": "sm3-HEX"}),
    ({"order": "caseless"}, {"text.order": "caseless"}),
    ({"order": "given"}, {"text.order": "given"}),
    ({"numbers": "plain"}, {"text.numbers": "plain"}),
    ({"empties": "keep"}, {"text.empties": "keep"}),
    ({"empties": "drop-null"}, {"text.empties": "drop-null"}),
    ({"depth": "first"}, {"text.depth": "first"}),
    ({"escapes": "unicode"}, {"text.escapes": "unicode"}),
    ({"escapes": "UNICODE"}, {"text.escapes": "UNICODE"}),
    ({"escapes": "slash"}, {"text.escapes": "slash"}),
    ({"charset": "gbk"}, {"text.charset": "gbk"}),
    ({"suffix": ""}, {"text.secret": "none"}),
    ({"suffix": APP_SECRET}, {"text.secret_prefix": ""}),
    ({"leaving": ("signData", "encData", "extra", "signType")}, {"text.leaving": "signData encData extra signType"}),
    ({"data": "cipher"}, {"text.data": "cipher"}),
    ({"style": "values"}, {"text.style": "values"}),
    ({"style": "json"}, {"text.style": "json"}),
    ({"cipher_encoding": "hex"}, {"cipher.encoding": "hex"}),
    ({"cipher_encoding": "base64"}, {"cipher.encoding": "base64"}),
    ({"cipher_encoding": "base64-lines"}, {"cipher.encoding": "base64-lines"}),
    ({"key": APP_ID.encode()[:16]}, {"cipher.key": "app_id"}),
    ({"key": APP_SECRET.encode()[:16]}, {"cipher.key": "app_secret"}),
    ({"key": sm.derive_key(APP_ID, APP_SECRET).lower()}, {"cipher.key": "derived-lower"}),
    ({"padding": "zero"}, {"cipher.padding": "zero"}),
    ({"mode": "cbc"}, {"cipher.mode": "cbc", "cipher.iv": "prefix"}),
    ({"mode": "cbc", "iv": bytes(16)}, {"cipher.mode": "cbc"}),
    ({"mode": "cbc", "iv": sm.derive_key(APP_ID, APP_SECRET)}, {"cipher.mode": "cbc", "cipher.iv": "key"}),
    ({"app_name": "clientId"}, {"names.app_id": "clientId"}),
    ({"order": "caseless", "numbers": "plain"}, {"text.order": "caseless", "text.numbers": "plain"}),
    ({"charset": "gbk", "form": "der", "key": APP_ID.encode()[:16]},
     {"text.charset": "gbk", "sign.form": "der", "cipher.key": "app_id"}),
    ({"order": "given", "empties": "keep", "suffix": "", "encoding": "hex", "ident": b""},
     {"text.order": "given", "text.empties": "keep", "text.secret": "none", "sign.encoding": "hex", "sign.id": ""}),
]


class Envelopes(DoctorCase):
    """Messages with an outer object, each in a dialect of its own."""

    def test_every_dialect_is_named(self):
        self.assertGreaterEqual(len(ENVELOPES), 20)
        for changes, expected in ENVELOPES:
            with self.subTest(changes={n: v for n, v in changes.items() if n not in ("key", "iv")}):
                said = self.explain(Dialect(**changes).envelope())
                self.assertEqual(expected, self.differences(said))
                self.assertTrue(said["verified"])
                self.assertEqual("different" if expected else "as_profile", said["message"]["end"])

    def test_what_it_names_is_what_the_profile_wants(self):
        changes = {"order": "caseless", "form": "der", "encoding": "HEX", "cipher_encoding": "base64"}
        said = self.explain(Dialect(**changes).envelope())
        groups: dict[str, str] = {}
        for key, found in self.differences(said).items():
            group, name = key.split(".")
            groups[group] = groups.get(group, "") + f'{name} = "{found}"; '
        profile = 'message = "envelope"; ' + " ".join(f"{g} = {{ {keys} }};" for g, keys in groups.items())
        self.assertEqual("as_profile", self.explain(Dialect(**changes).envelope(), profile)["message"]["end"])

    def test_our_own_signature_is_told_apart(self):
        said = self.explain(Dialect(signer=OWN).envelope())
        self.assertIn("own_key", said["message"]["notes"])
        self.assertNotIn("own_key", self.explain(Dialect().envelope())["message"]["notes"])

    def test_nothing_verifies_and_it_says_what_was_tried(self):
        message = Dialect().envelope()
        message["timestamp"] = "20260102030406"
        said = self.explain_shortly(message)
        self.assertEqual("failed", said["message"]["end"])
        self.assertFalse(said["verified"])
        self.assertGreater(said["message"]["tried"], 1000)
        self.assertEqual(["decrypted"], [note for note in said["message"]["notes"] if note != "time_over"])
        self.assertEqual([], said["message"]["differences"])
        out, _ = self.expect(1, "--lang", "zh", "seal", "explain", self.directory / "captured", "--profile", self.directory / "profile.cfg",
                             "--secrets", self.secrets)
        self.assertIn("试过：", out)
        self.assertNotIn(NAME, out)

    def explain_shortly(self, message: dict) -> dict:
        """With a second for the search: nothing will be found."""
        return self.explain(message, 'message = "envelope";', 1, "--seconds", "1")

    def test_another_key_or_application_is_noted(self):
        said = self.explain_shortly(Dialect(signer=sm.Key(), key=b"0123456789abcdef").envelope())
        self.assertIn("not_decrypted", said["message"]["notes"])
        message = Dialect().envelope()
        message["appId"] = message["appId"][::-1]
        self.assertIn("other_application", self.explain_shortly(message)["message"]["notes"])
        message["signData"] = ""
        self.assertIn("no_signature", self.explain_shortly(message)["message"]["notes"])
        message["signData"] = "MEUCIQ"
        self.assertIn("unreadable", self.explain_shortly(message)["message"]["notes"])
        (self.secrets / "verify_key").unlink()
        (self.secrets / "sign_key").unlink()
        said = self.explain_shortly(Dialect().envelope())
        self.assertEqual(("impossible", True), (said["message"]["end"], "no_key" in said["message"]["notes"]))


class Infno(DoctorCase):
    """Messages that stay what they are, with a signature in cainfo."""

    def message(self, dialect: Dialect, kind: str) -> dict:
        """Sealed in one of the two kinds."""
        made = {"infno": "2207", "msgid": "H1", "infver": "V1.0", "opter": "", "n": 5, "signtype": "SM2", "cainfo": "",
                "input": DATA}
        plain = json.dumps(DATA, ensure_ascii=False, separators=(",", ":"))
        if kind == "head":
            made["cainfo"] = dialect.sign(dialect.text(made))
        else:
            made["input"] = dialect.encrypt(plain.encode())
            made["cainfo"] = dialect.sign(
                made["input"].encode() if dialect.data == "cipher" else
                plain.encode() if dialect.style == "raw" else dialect.canonical(DATA).encode())
            made["encType"] = "SM4"
        return made

    def test_dialects_of_input(self):
        base = {"style": "raw", "key": APP_ID.encode()[:16], "cipher_encoding": "base64", "numbers": "plain",
                "empties": "keep"}
        for changes, expected in (({}, {}), ({"form": "der"}, {"sign.form": "der"}),
                                  ({"style": "json"}, {"text.style": "json"}),
                                  ({"style": "json", "numbers": "quoted"},
                                   {"text.style": "json", "text.numbers": "quoted"}),
                                  ({"data": "cipher"}, {"text.data": "cipher"}),
                                  ({"cipher_encoding": "hex", "ident": b""}, {"cipher.encoding": "hex", "sign.id": ""})):
            with self.subTest(changes=changes):
                said = self.explain(self.message(Dialect(**{**base, **changes}), "input"), 'message = "input";')
                self.assertEqual(expected, self.differences(said))

    def test_dialects_of_head(self):
        base = {"leaving": ("cainfo", "input", "output"), "suffix": "", "numbers": "plain"}
        for changes, expected in (({}, {}), ({"style": "values"}, {"text.style": "values"}),
                                  ({"style": "json"}, {"text.style": "json"}),
                                  ({"empties": "keep", "form": "der"}, {"text.empties": "keep", "sign.form": "der"}),
                                  ({"leaving": ("cainfo",), "numbers": "quoted"},
                                   {"text.leaving": "cainfo", "text.numbers": "quoted"}),
                                  ({"suffix": "&key=" + APP_SECRET}, {"text.secret": "app_secret"})):
            with self.subTest(changes=changes):
                said = self.explain(self.message(Dialect(**{**base, **changes}), "head"), 'message = "head";')
                self.assertEqual(expected, self.differences(said))

    def test_another_kind_than_the_profile_says(self):
        head = Dialect(leaving=("cainfo", "input", "output"), suffix="", numbers="plain", form="der")
        for profile in ('message = "none";', 'message = "input";', 'message = "envelope";'):
            said = self.explain(self.message(head, "head"), profile + " ")
            self.assertEqual("head", self.differences(said)["message"])
            self.assertEqual("der", self.differences(said)["sign.form"])
        said = self.explain(Dialect().envelope(), 'message = "none";')
        self.assertEqual("envelope", self.differences(said)["message"])


class Headers(DoctorCase):
    """Captured HTTP messages with a signature in their headers."""

    BODY = json.dumps({"infno": "9001", "input": {"psn_name": NAME}}, ensure_ascii=False)

    def http(self, headers: dict[str, str], arrow: str = "", ends: str = "\n") -> str:
        """As a tool would have written it down."""
        lines = ["POST /fsi/api HTTP/1.1", "Host: example", *(f"{n}: {v}" for n, v in headers.items()), ""]
        return "".join(arrow + line + ends for line in lines) + self.BODY + "\n"

    def tif(self, made: bytes, encode_as: str = "hex", time: str = "1700000000") -> dict[str, str]:
        """The four headers."""
        return {"X-Tif-PaasId": "H45010000001", "x-tif-timestamp": time, "x-tif-nonce": "n0nce",
                "x-tif-signature": encode(made, encode_as)}

    def test_dialects_of_x_tif(self):
        time, token, nonce = b"1700000000", b"s3cret", b"n0nce"
        sha = lambda text: hashlib.sha256(text).digest()
        for made, encoding, expected in (
                (sha(time + token + nonce + time), "hex", {}),
                (sha(time + token + nonce + time), "HEX", {"headers.encoding": "HEX"}),
                (sha(time + token + nonce + time), "base64", {"headers.encoding": "base64"}),
                (sm.sm3(time + token + nonce + time), "hex", {"headers.hash": "sm3"}),
                (sha(time + nonce + token + time), "hex", {"headers.parts": "timestamp nonce token timestamp"}),
                (sha(token + time + nonce), "hex", {"headers.parts": "token timestamp nonce"}),
                (sm.sm3(time + b"\n" + nonce + b"\n" + token + b"\n" + self.BODY.encode()), "HEX",
                 {"headers.parts": "timestamp lf nonce lf token lf body", "headers.hash": "sm3",
                  "headers.encoding": "HEX"})):
            with self.subTest(expected=expected):
                said = self.explain(self.http(self.tif(made, encoding)), 'header = "x-tif";')
                self.assertEqual(expected, self.differences(said, "headers"))
                self.assertEqual("nothing_there", said["message"]["end"])
        late = b"1700000000123"
        said = self.explain(self.http(self.tif(sha(late + token + nonce + late), time=late.decode())), 'header = "x-tif";')
        self.assertEqual({"headers.time": "milliseconds"}, self.differences(said, "headers"))
        said = self.explain(self.http(self.tif(sha(time + nonce + time))), 'header = "x-tif";')
        self.assertIn("empty_token", said["headers"]["notes"])
        said = self.explain(self.http(self.tif(sha(b"?"))), 'header = "x-tif";', 1)
        self.assertEqual("failed", said["headers"]["end"])
        self.assertGreater(said["headers"]["tried"], 100)

    def test_dialects_of_hmac(self):
        time, token, body = b"1700000000", b"s3cret", self.BODY.encode()
        sha = lambda text: hmac.new(token, text, "sha256").digest()
        for made, encoding, expected in (
                (sm.hmac_sm3(token, time + b"\n" + body), "HEX", {}),
                (sm.hmac_sm3(token, time + body), "hex", {"headers.parts": "timestamp body", "headers.encoding": "hex"}),
                (sha(time + b"\n" + body), "HEX", {"headers.hash": "sha256"}),
                (sm.hmac_sm3(token, body), "HEX", {"headers.parts": "body"}),
                (sm.hmac_sm3(token, b"H45010000001:" + time + b":" + body), "HEX",
                 {"headers.parts": "id colon timestamp colon body"})):
            with self.subTest(expected=expected):
                headers = {"x-ca-key": "H45010000001", "x-ca-signature": "1700000000:" + encode(made, encoding)}
                said = self.explain(self.http(headers, "> ", "\r\n"), 'header = "hmac";')
                self.assertEqual(expected, self.differences(said, "headers"))
                self.assertEqual("hmac", self.differences(self.explain(self.http(headers), ""), "headers")["header"])

    def test_both_at_once(self):
        message = json.dumps(Dialect(form="der").envelope())
        made = hashlib.sha256(b"1700000000s3cretn0nce1700000000").digest()
        captured = self.http(self.tif(made)).replace(self.BODY, message)
        said = self.explain(captured, 'header = "x-tif"; message = "envelope";')
        self.assertEqual("as_profile", said["headers"]["end"])
        self.assertEqual({"sign.form": "der"}, self.differences(said))

    def test_what_is_no_capture_is_said(self):
        for text in ("", "no header here\n\n{}", "A: b\n\n", "\n\n"):
            with self.subTest(text=text):
                path, capture = self.directory / "profile.cfg", self.directory / "captured"
                path.write_text('seal = { message = "envelope"; };\n')
                capture.write_text(text)
                _, err = self.expect(100, "seal", "explain", str(capture), "--profile", str(path), "--secrets",
                                     str(self.secrets))
                self.assertIn("FEP-1050", err)
        for words in (("seal", "explain", "x"), ("seal", "explain", "--profile", "x"), ("seal",)):
            self.expect(100, *words)
        self.explain("{broken", expected=1)
        self.put("app_secret", APP_SECRET)
        (self.secrets / "app_secret").chmod(0o644)
        _, err = self.expect(100, "seal", "explain", str(capture), "--profile", str(path), "--secrets", str(self.secrets))
        self.assertIn("FEP-1021", err)


if __name__ == "__main__":
    unittest.main()
