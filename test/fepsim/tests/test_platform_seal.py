"""The platform's seals against published and recomputed values."""

import base64
import hashlib
import pathlib
import tempfile
import unittest

from fepsim import sm
from fepsim.platform_seal import KINDS, NotSealed, Seal, pairs, read_json

APP_ID, APP_SECRET = "00112233445566778899AABBCCDDEEFF", "FFEEDDCCBBAA99887766554433221100"
STANDARD = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8


def seal(kind: str, own: sm.Key, peer: sm.Key) -> Seal:
    """Return one end with keys of the test."""
    with tempfile.TemporaryDirectory() as name:
        for file, text in {"app_id": APP_ID, "app_secret": APP_SECRET, "sign_key": own.private_hex,
                           "verify_key": peer.public_hex, "header_id": "H1", "header_token": "secret",
                           "bearer_token": "T"}.items():
            pathlib.Path(name, file).write_text(text, encoding="utf-8")
        return Seal(kind, name)


class Vectors(unittest.TestCase):
    """Values that others have published."""

    def test_the_standards(self) -> None:
        self.assertEqual(sm.sm3(b"abc").hex(), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")
        key = bytes.fromhex("0123456789abcdeffedcba9876543210")
        self.assertEqual(sm.sm4_block(sm.round_keys(key), key).hex(), "681edf34d206965e86b3e94f536e4246")
        pair = sm.Key(STANDARD)
        self.assertTrue(pair.public_hex.startswith("0409f9df311e5421a150dd7d161e4bc5c6"))
        self.assertTrue(sm.Key.public(pair.point).verify(b"message digest", bytes.fromhex(
            "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
            "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")))

    def test_the_portal_s_own_page(self) -> None:
        app, secret = "T98HPCGN5ZVVQBS8LZQNOAEXVI9GYHKQ", "NMVFVILMKT13GEMD3BKPKCTBOQBPZR2P"
        self.assertEqual(sm.derive_key(app, secret), b"C3AE5873D08418DA")
        plain = sm.sm4_decrypt(sm.derive_key(app, secret), bytes.fromhex(
            "DAC536D90758AB68AF4373A349F3BBDF4CE34C33DC32F1068E9E23CA546C9EA8E639B26A7D25A6C1B97CCC02DDB933E4"
            "77A9AAE02ED054FCBFB6DEA99372702FE64D17BF28F141090CC5289421E593DD"))
        outer = {"appCode": app, "encType": "SM4", "signType": "SM2", "timestamp": "1675237317", "version": "1.0.0",
                 "data": read_json(plain)}
        text = pairs(outer, True, True, "&key=" + secret)
        self.assertIn(b'data={"areaCode":"110000","pageNo":"3","pageSize":"10"}&encType', text)
        public = base64.b64decode("BEKaw3Qtc31LG/hTPHFPlriKuAn/nzTWl8LiRxLw4iQiSUIyuglptFxNkdCiNXcXvkqTH79Rh/A2sEFU6hjeK3k=")
        key = sm.Key.public((int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")))
        self.assertTrue(key.verify(text, base64.b64decode(
            "DitO6d6O8oyO8NiXQbeSA2bxX0Iw+fl76yT72empkT1SFHivjr7lmoNfLa6THo4ouzq0EG4HBoiPyp2ZU4K8TA==")))

    def test_the_text_of_an_envelope(self) -> None:
        outer = {"appId": APP_ID, "version": "1.0.0", "encType": "SM4", "signType": "SM2", "timestamp": "20240102030405",
                 "data": read_json('{"infno":"1101","page":2,"rows":[{"b":"x","a":1}],"empty":"","none":null}')}
        text = pairs(outer, True, False, "&key=" + APP_SECRET)
        self.assertEqual(sm.sm3(text).hex(), "dc205cfdf5dc5528895c2244127374e3cb83801e0704f41b32d1c0a4cb142396")

    def test_headers(self) -> None:
        text = "1700000000" + "0123456789ABCDEF" + "18bcfe56800-1a2b3c" + "1700000000"
        self.assertEqual(hashlib.sha256(text.encode()).hexdigest(),
                         "5de35ce2e25973da1d42c2c05dbc701219b4fc2239969c09678fe9ca025c161b")
        self.assertEqual(sm.hmac_sm3(b"secret", b'1700000000\n{"infno":"9001"}').hex().upper(),
                         "C342084D16BE352F283D5B45682A59227038D3CF05A74DC306DAE2519F6E737A")


class Ends(unittest.TestCase):
    """What one end seals the other one opens, digit for digit; and nobody else's."""

    def test_there_and_back(self) -> None:
        one, other = sm.Key(), sm.Key(STANDARD)
        plain = '{"infno":"2304","cainfo":"","input":{"data":{"a":12.30,"b":"","c":null,"d":[1,{"z":0.00,"y":"中"}]}}}'.encode()
        for kind in KINDS:
            with self.subTest(kind):
                sender, receiver = seal(kind, one, other), seal(kind, other, one)
                sealed = sender.seal(plain, "input")
                receiver.check_headers(sender.headers(sealed), sealed)
                opened = receiver.open(sealed, "input")
                self.assertEqual(read_json(opened)["input"], read_json(plain)["input"])
                if sealed != plain:
                    with self.assertRaises(NotSealed):
                        sender.open(sealed, "input")
                if sender.headers(sealed):
                    with self.assertRaises(NotSealed):
                        receiver.check_headers({}, sealed)


if __name__ == "__main__":
    unittest.main()
