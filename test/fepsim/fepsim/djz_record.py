"""Records of `dajizhong`: bytes to values and back, by the copybook and its rules."""

import zlib
from dataclasses import dataclass, field

from .clock import is_date, is_time
from .djz_copybook import ANSWERS, HEADER, REQUESTS, Body, Field, Layout
from .text import fold_identifier

HEADER_SIZE = HEADER.size
SMALLEST, LARGEST = HEADER_SIZE, 262_144
LENGTH_SIZE = 6
HEARTBEAT = b"000000"
GETA = b"\xa1\xfe"  # the sign for a character that the code page lacks
_MAC = HEADER["H-MAC"]
_SIGNS = {0x2B: 1, 0x20: 1, 0x2D: -1}

Values = dict[str, str | int]


class Unreadable(Exception):
    """The record cannot be taken apart at all; names the reason."""


@dataclass
class Record:
    """A record taken apart.

    `bad` names fields whose content is not of their kind: the record can be read,
    and what to say about them comes after the repeat check.
    """

    raw: bytes
    header: Values
    values: Values = field(default_factory=dict)
    rows: list[Values] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


# ---- text --------------------------------------------------------------------

def encode_text(text: str, size: int) -> bytes:
    """Write text in GBK, cut at a character boundary and filled with blanks."""
    out = b""
    for char in text:
        if char < " " or char == "\x7f":
            char = " "
        try:
            piece = char.encode("gbk")
        except UnicodeEncodeError:
            piece = GETA
        if len(out) + len(piece) > size:
            break
        out += piece
    return out.ljust(size)


def _trim(raw: bytes) -> bytes:
    """Take off blanks and NUL at the right, then a lead byte left without its second."""
    raw = raw.rstrip(b" \0")
    place = 0
    while place < len(raw):
        place += 1 if raw[place] < 0x80 else 2
    return raw if place == len(raw) else raw[:-1]


def decode_free_text(raw: bytes) -> str:
    """Read text meant for people; what is illegal becomes U+FFFD."""
    return _trim(raw).decode("gbk", "replace")


def decode_identifier(raw: bytes, name: str) -> str:
    """Read text meant for programs, full-width letters folded; illegal bytes end it."""
    raw = _trim(raw)
    if b"\0" in raw:
        raise Unreadable(name)
    try:
        return fold_identifier(raw.decode("gbk"))
    except UnicodeDecodeError as error:
        raise Unreadable(name) from error


# ---- fields ------------------------------------------------------------------

def _digits(raw: bytes) -> int:
    if not raw.isdigit():
        raise ValueError("not digits")
    return int(raw)


def _unsigned(raw: bytes) -> int:
    return 0 if raw == b" " * len(raw) else _digits(raw)


def _signed(raw: bytes) -> int:
    if raw[0] not in _SIGNS:
        raise ValueError("not a sign")
    return _SIGNS[raw[0]] * _digits(raw[1:])


def _moment(raw: bytes) -> str:
    """Read a date or time stamp; none is the empty text."""
    if raw in (b" " * len(raw), b"0" * len(raw)):
        return ""
    stamp = raw.decode("ascii", "replace")
    if not (is_date(stamp) if len(raw) == 8 else is_time(stamp)):
        raise ValueError("no such moment")
    return stamp


_READERS = {"9": _unsigned, "R": _unsigned, "D": _moment, "M": _signed, "Q": _signed}


def _decode(fields: Layout, raw: bytes, values: Values, bad: list[str]) -> None:
    for place in fields.fields:
        piece = raw[place.offset:place.offset + place.size]
        if place.kind == "X":
            values[place.name] = decode_identifier(piece, place.name)
        elif place.kind == "T":
            values[place.name] = decode_free_text(piece)
        else:
            try:
                values[place.name] = _READERS[place.kind](piece)
            except ValueError:
                bad.append(place.name)


def encode_field(place: Field, value: str | int) -> bytes:
    """Write one value; a missing one is blank or zero."""
    if place.kind in "XT":
        return encode_text(str(value), place.size)
    if place.kind == "D":
        return (str(value) or "0" * place.size).encode("ascii")
    number = int(value or 0)
    if place.kind in "MQ":
        digits = b"%012d" % abs(number)
        out = (b"-" if number < 0 else b"+") + digits
    else:
        out = b"%0*d" % (place.size, number)
    if len(out) != place.size:
        raise ValueError(f"{place.name}: {value} does not fit")
    return out


def encode(fields: Layout, values: Values) -> bytes:
    """Write a run of fields; names that the layout lacks are mistakes."""
    unknown = values.keys() - {place.name for place in fields.fields}
    if unknown:
        raise KeyError(f"no such fields: {sorted(unknown)}")
    return b"".join(encode_field(place, values.get(place.name, ""))
                    for place in fields.fields)


# ---- whole records -----------------------------------------------------------

def frame(record: bytes) -> bytes:
    """Put the length before a record."""
    return b"%06d" % len(record) + record


def mac_of(record: bytes) -> str:
    """Return the checksum over a record whose own place for it counts as zeros."""
    end = _MAC.offset + _MAC.size
    zeroed = record[:_MAC.offset] + b"0" * _MAC.size + record[end:]
    return f"{zlib.crc32(zeroed):08X}"


def seal(record: bytes) -> bytes:
    """Put the checksum into its place."""
    return overlay(record, {"H-MAC": mac_of(record)})


def overlay(record: bytes, values: Values) -> bytes:
    """Replace header fields, leaving every other byte as it is."""
    out = bytearray(record)
    for name, value in values.items():
        place = HEADER[name]
        out[place.offset:place.offset + place.size] = encode_field(place, value)
    return bytes(out)


def encode_body(body: Body, values: Values, rows: list[Values] | None = None) -> bytes:
    """Write a body with its repeating group."""
    return encode(body.fixed, values) + b"".join(encode(body.group, row) for row in rows or [])


def build(header: Values, body: bytes = b"", count: int = 0) -> bytes:
    """Write a sealed record."""
    fixed = {"H-VERSION": "01", "H-PAGE": 1, "H-MORE": "N"}
    return seal(encode(HEADER, fixed | header | {"H-REC-CNT": count}) + body)


def read_header(raw: bytes) -> Record:
    """Take the header apart; the body stays for `read_body`."""
    record = Record(raw, {})
    _decode(HEADER, raw[:HEADER_SIZE], record.header, record.bad)
    return record


def decode(fields: Layout, raw: bytes) -> Values:
    """Read a run of fields that stands alone, as in a file."""
    values: Values = {}
    bad: list[str] = []
    _decode(fields, raw, values, bad)
    if bad or len(raw) != fields.size:
        raise Unreadable(", ".join(bad) or "记录长度")
    return values


def read_body_alone(tran: str, body: bytes) -> Record:
    """Take apart the body of a good answer whose header is gone."""
    body_layout = ANSWERS[tran]
    rest = len(body) - body_layout.fixed.size
    count = rest // body_layout.group.size if body_layout.group.size else 0
    record = Record(b" " * HEADER_SIZE + body, {"H-TRAN": tran, "H-REC-CNT": count})
    return read_body(record, ANSWERS)


def read_body(record: Record, bodies: dict[str, Body]) -> Record:
    """Take the body apart, after its length was found to be exactly right."""
    body = bodies[record.header["H-TRAN"]]
    if "H-REC-CNT" in record.bad:
        raise Unreadable("H-REC-CNT")
    count = record.header["H-REC-CNT"]
    if count and not body.group.size:
        record.bad.append("H-REC-CNT")
    raw = record.raw[HEADER_SIZE:]
    if len(raw) != body.fixed.size + count * body.group.size:
        raise Unreadable("报文长度")
    _decode(body.fixed, raw[:body.fixed.size], record.values, record.bad)
    for number in range(count if body.group.size else 0):
        start = body.fixed.size + number * body.group.size
        row: Values = {}
        bad: list[str] = []
        _decode(body.group, raw[start:start + body.group.size], row, bad)
        record.rows.append(row)
        record.bad += [f"{name}({number + 1})" for name in bad]
    return record


def read_request(raw: bytes) -> Record:
    """Take a whole request apart."""
    return read_body(read_header(raw), REQUESTS)


def read_answer(raw: bytes) -> Record:
    """Take a whole answer apart; a refusing one has no body, an inquiry's has a tail."""
    record = read_header(raw)
    tran = record.header["H-TRAN"]
    if record.header["H-RET-CODE"] != "000000":
        if len(raw) != HEADER_SIZE:
            raise Unreadable("报文长度")
        return record
    if tran != "500002":
        return read_body(record, ANSWERS)
    fixed = ANSWERS[tran].fixed
    _decode(fixed, raw[HEADER_SIZE:], record.values, record.bad)
    if len(raw) != HEADER_SIZE + fixed.size + record.values.get("IR-ORG-LEN", 0):
        raise Unreadable("报文长度")
    return record


def content_of(raw: bytes) -> bytes:
    """Return what makes two requests the same: all but clock fields and checksum."""
    return overlay(raw, {"H-DATE": 0, "H-TIME": 0, "H-BUS-DATE": 0, "H-MAC": "0" * 8})
