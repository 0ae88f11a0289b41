"""SM2, SM3 and SM4 in Python, from the standards' texts: what tests sign and encrypt with, independent of the gateway.

SM3 is hashlib's. Slow (some milliseconds a signature) and not fit for secrets.
"""

import hashlib
import secrets

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
     0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0)
DEFAULT_ID = b"1234567812345678"

Point = tuple[int, int] | None


def add(left: Point, right: Point) -> Point:
    """The sum of two points of the curve; None is the point at infinity."""
    if left is None or right is None:
        return right if left is None else left
    (x1, y1), (x2, y2) = left, right
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if left == right else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _double(x: int, y: int, z: int) -> tuple[int, int, int]:
    """Twice a point (x/z^2, y/z^3); z is 0 at infinity."""
    square = y * y % P
    s, m = 4 * x * square % P, (3 * x * x + A * pow(z, 4, P)) % P
    x2 = (m * m - 2 * s) % P
    return x2, (m * (s - x2) - 8 * square * square) % P, 2 * y * z % P


def multiply(number: int, point: Point) -> Point:
    """A multiple of a point; divides once only, at the end."""
    total = (1, 1, 0)
    for bit in bin(number)[2:]:
        total = _double(*total)
        if bit == "1" and point is not None:
            x, y, z = total
            if z == 0:
                total = (*point, 1)
                continue
            square = z * z % P
            h, r = (point[0] * square - x) % P, (point[1] * square * z - y) % P
            if h == 0:
                total = _double(x, y, z) if r == 0 else (1, 1, 0)
                continue
            cube, v = h * h * h % P, x * h * h % P
            x3 = (r * r - cube - 2 * v) % P
            total = (x3, (r * (v - x3) - y * cube) % P, z * h % P)
    if total[2] == 0:
        return None
    inverse = pow(total[2], -1, P)
    return total[0] * inverse * inverse % P, total[1] * pow(inverse, 3, P) % P


def sm3(data: bytes) -> bytes:
    """The digest."""
    return hashlib.new("sm3", data).digest()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """HMAC with SM3."""
    key = (sm3(key) if len(key) > 64 else key).ljust(64, b"\0")
    inner = sm3(bytes(b ^ 0x36 for b in key) + data)
    return sm3(bytes(b ^ 0x5C for b in key) + inner)


def number(value: int) -> bytes:
    """32 bytes of a number."""
    return value.to_bytes(32, "big")


class Key:
    """A key pair."""

    def __init__(self, private: int | None = None) -> None:
        self.private = private if private is not None else 1 + secrets.randbelow(N - 2)
        point = multiply(self.private, G)
        assert point is not None
        self.point = point

    @classmethod
    def public(cls, point: tuple[int, int]) -> "Key":
        """The other side's key: its signatures can be checked, none can be made."""
        key = cls.__new__(cls)
        key.private, key.point = 0, point
        return key

    @property
    def public_hex(self) -> str:
        """04 and both coordinates."""
        return "04" + (number(self.point[0]) + number(self.point[1])).hex()

    @property
    def private_hex(self) -> str:
        """The private number."""
        return number(self.private).hex()

    def digest(self, text: bytes, ident: bytes) -> int:
        """What is signed: SM3 of Z and the text."""
        bits = (8 * len(ident)).to_bytes(2, "big")
        z = sm3(bits + ident + number(A) + number(B) + number(G[0]) + number(G[1]) + number(self.point[0]) +
                number(self.point[1]))
        return int.from_bytes(sm3(z + text), "big")

    def sign(self, text: bytes, ident: bytes = DEFAULT_ID) -> bytes:
        """r and s, 64 bytes."""
        digest = self.digest(text, ident)
        while True:
            k = 1 + secrets.randbelow(N - 1)
            point = multiply(k, G)
            assert point is not None
            r = (digest + point[0]) % N
            s = pow(1 + self.private, -1, N) * (k - r * self.private) % N
            if r not in (0, N - k) and s != 0:
                return number(r) + number(s)

    def verify(self, text: bytes, signature: bytes, ident: bytes = DEFAULT_ID) -> bool:
        """Is this 64-byte signature this key's over this text?"""
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if len(signature) != 64 or not 0 < r < N or not 0 < s < N or (r + s) % N == 0:
            return False
        point = add(multiply(s, G), multiply((r + s) % N, self.point))
        return point is not None and (self.digest(text, ident) + point[0]) % N == r


def to_der(signature: bytes) -> bytes:
    """r and s as a DER sequence of two integers."""
    parts = b""
    for half in (signature[:32], signature[32:]):
        half = half.lstrip(b"\0") or b"\0"
        if half[0] >= 0x80:
            half = b"\0" + half
        parts += b"\x02" + bytes([len(half)]) + half
    return b"\x30" + bytes([len(parts)]) + parts


S_BOX = bytes.fromhex(
    "d690e9fecce13db716b614c228fb2c052b679a762abe04c3aa441326498606999c4250f491ef987a33540b43edcfac62"
    "e4b31ca9c908e89580df94fa758f3fa64707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35"
    "1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89eeabf8ad240c738b5a3f7f2cef96115a1"
    "e0ae5da49b341a55ad933230f58cb1e31df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51"
    "8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b08969974a0c96777e65b9f109c56ec684"
    "18f07dec3adc4d2079ee5f3ed7cb3948")
FK = (0xA3B1BAC6, 0x56AA3350, 0x677D9197, 0xB27022DC)


def rotate(value: int, by: int) -> int:
    """32 bits to the left."""
    return (value << by | value >> (32 - by)) & 0xFFFFFFFF


def substitute(value: int) -> int:
    """Each byte through the S-box."""
    return int.from_bytes(bytes(S_BOX[b] for b in value.to_bytes(4, "big")), "big")


def round_keys(key: bytes) -> list[int]:
    """The 32 round keys."""
    words = [int.from_bytes(key[4 * i:4 * i + 4], "big") ^ FK[i] for i in range(4)]
    for i in range(32):
        constant = int.from_bytes(bytes((4 * i + j) * 7 % 256 for j in range(4)), "big")
        value = substitute(words[i + 1] ^ words[i + 2] ^ words[i + 3] ^ constant)
        words.append(words[i] ^ value ^ rotate(value, 13) ^ rotate(value, 23))
    return words[4:]


def sm4_block(keys: list[int], block: bytes) -> bytes:
    """One block; with the keys reversed it is decrypted."""
    words = [int.from_bytes(block[4 * i:4 * i + 4], "big") for i in range(4)]
    for i, key in enumerate(keys):
        value = substitute(words[i + 1] ^ words[i + 2] ^ words[i + 3] ^ key)
        words.append(words[i] ^ value ^ rotate(value, 2) ^ rotate(value, 10) ^ rotate(value, 18) ^ rotate(value, 24))
    return b"".join(word.to_bytes(4, "big") for word in reversed(words[-4:]))


def pad(data: bytes, padding: str = "pkcs7") -> bytes:
    """Whole blocks: pkcs7, or zero (none where it fits)."""
    missing = 16 - len(data) % 16
    if padding == "zero":
        return data + b"\0" * (missing % 16)
    return data + bytes([missing]) * missing


def sm4_encrypt(key: bytes, data: bytes, padding: str = "pkcs7", iv: bytes | None = None) -> bytes:
    """ECB, or CBC if there is an IV."""
    keys, out, last = round_keys(key), b"", iv
    data = pad(data, padding)
    for at in range(0, len(data), 16):
        block = data[at:at + 16]
        if last is not None:
            block = bytes(a ^ b for a, b in zip(block, last))
        block = sm4_block(keys, block)
        last = block if iv is not None else None
        out += block
    return out


def sm4_decrypt(key: bytes, data: bytes) -> bytes:
    """ECB with PKCS#7 padding."""
    keys = round_keys(key)[::-1]
    out = b"".join(sm4_block(keys, data[at:at + 16]) for at in range(0, len(data), 16))
    if not out or not 1 <= out[-1] <= 16 or out[-out[-1]:] != bytes([out[-1]]) * out[-1]:
        raise ValueError("not padded")
    return out[:-out[-1]]


def derive_key(app_id: str, app_secret: str) -> bytes:
    """The SM4 key of an application: 16 ASCII bytes."""
    return sm4_encrypt(app_id.encode()[:16], app_secret.encode()).hex().upper()[:16].encode()
