"""The bytes of danxian: one line of GB18030 with carets, bars and dollars.

A separator's byte may also be the second byte of a Chinese character (the
name 陈珅 ends in 7C, the byte of `|`), so nothing here ever splits by bytes.
Splitting goes by characters and leaves bytes; decoding comes afterwards, field
by field, because a damaged name must not spoil the amounts beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

CHARSET = "gb18030"
LINE_END = b"\r\n"
LONGEST_LINE = 262144

_FULL_WIDTH = {ord("^"): "＾", ord("|"): "｜", ord("$"): "＄",
               ord("\r"): " ", ord("\n"): " ", ord("\t"): " ",
               0xFFFD: "〓"}
_FULL_WIDTH.update({c: None for c in [*range(0x20), *range(0x7F, 0xA0)]
                    if c not in (0x09, 0x0A, 0x0D)})
_TO_ASCII = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: " "}


class Unreadable(ValueError):
    """The bytes are not a danxian message, or a field is not what it must be."""


@dataclass
class Record:
    """Plain fields, then records opened by `$`: parameters or output."""

    fields: list = field(default_factory=list)
    records: list[list] = field(default_factory=list)


@dataclass
class Request:
    """The eight fields of a request; what was received has bytes in its parameters."""

    code: str
    institution: str
    operator: str
    cycle: str
    serial: str
    centre: str
    params: Record
    online: str = "1"


@dataclass
class Answer:
    """The five fields of an answer; the output's fields are still bytes."""

    code: int
    centre_serial: str
    cycle: str
    output: Record
    text: str


def char_length(data: bytes, at: int) -> int:
    """Return how many bytes the character at this place takes.

    Only complete characters are taken together. A lead byte without a legal
    follower stands alone, so that a half character cannot swallow a separator
    or `$`, which are safe behind one.
    """
    if not 0x81 <= data[at] <= 0xFE or at + 1 >= len(data):
        return 1
    second = data[at + 1]
    if 0x30 <= second <= 0x39:
        tail = data[at + 2:at + 4]
        whole = (len(tail) == 2 and 0x81 <= tail[0] <= 0xFE
                 and 0x30 <= tail[1] <= 0x39)
        return 4 if whole else 1
    return 2 if 0x40 <= second <= 0xFE and second != 0x7F else 1


def split(data: bytes, separator: str) -> list[bytes]:
    """Cut bytes at a one-byte separator, character by character."""
    parts, start, at, wanted = [], 0, 0, ord(separator)
    while at < len(data):
        length = char_length(data, at)
        if length == 1 and data[at] == wanted:
            parts.append(data[start:at])
            start = at + 1
        at += length
    parts.append(data[start:])
    return parts


def closed_fields(data: bytes, separator: str) -> tuple[list[bytes], bytes]:
    """Return the fields that are *closed* by the separator, and what is left open."""
    *fields, rest = split(data, separator)
    return fields, rest


def clean(value: object) -> str:
    """Make data fit to travel: separators full-width, controls gone."""
    text = str(value).translate(_FULL_WIDTH)
    return "".join("〓" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def structural(data: bytes) -> str:
    """Read a code, number or date: it must decode; full-width digits become ASCII."""
    try:
        text = data.decode(CHARSET)
    except UnicodeDecodeError as error:
        raise Unreadable(f"illegal bytes {data.hex()}") from error
    text = text.translate(_TO_ASCII).strip(" \0")
    if "\0" in text:
        raise Unreadable("NUL inside a field")
    return text


def free_text(data: bytes) -> str:
    """Read a name or remark: broken bytes become U+FFFD and everything else stays."""
    return data.decode(CHARSET, "replace").replace("\u3000", " ").strip(" \0")


def encode_record(fields: Iterable, records: Iterable = ()) -> str:
    """Return `f1|f2|$r1|r2|$r1|r2|`."""
    def closed(values: Iterable) -> str:
        return "".join(clean(value) + "|" for value in values)
    return closed(fields) + "".join("$" + closed(row) for row in records)


def decode_record(data: bytes) -> Record:
    """Read plain fields and `$` records as lists of bytes; every field must be closed."""
    plain, *rows = data.split(b"$")
    lists = []
    for part in (plain, *rows):
        fields, rest = closed_fields(part, b"|")
        if rest.strip():
            raise Unreadable("a field is not closed by |")
        lists.append(fields)
    return Record(lists[0], lists[1:])


def _line(head: Iterable, body: str, tail: Iterable) -> bytes:
    text = "".join(clean(value) + "^" for value in head) + body + "^"
    data = (text + "".join(clean(value) + "^" for value in tail)).encode(CHARSET)
    if len(data) + len(LINE_END) > LONGEST_LINE:
        raise ValueError(f"line of {len(data)} bytes is too long")
    return data + LINE_END


def encode_request(request: Request) -> bytes:
    """Return the whole line of a request, CR LF included."""
    head = (request.code, request.institution, request.operator, request.cycle,
            request.serial, request.centre)
    body = encode_record(request.params.fields, request.params.records)
    return _line(head, body, (request.online,))


def encode_answer(code: int, centre_serial: str = "", cycle: str = "",
                  fields: Iterable = (), records: Iterable = (), text: str = "") -> bytes:
    """Return the whole line of an answer, CR LF included."""
    body = encode_record(fields, records)
    return _line((code, centre_serial, cycle), body, (text,))


def _body_of(line: bytes) -> bytes:
    if not line.endswith(LINE_END):
        raise Unreadable("the line has no end")
    body = line[:-len(LINE_END)]
    if b"\r" in body or b"\n" in body:
        raise Unreadable("CR or LF inside a line")
    return body


def decode_request(line: bytes) -> Request:
    """Read a request line strictly; its parameters stay bytes."""
    fields, _ = closed_fields(_body_of(line), b"^")
    if len(fields) < 7:
        raise Unreadable(f"{len(fields)} closed fields in a request")
    head = [structural(value) for value in fields[:6]]
    online = structural(fields[7]) if len(fields) > 7 else ""
    return Request(*head, params=decode_record(fields[6]), online=online)


def decode_answer(line: bytes) -> Answer:
    """Read an answer line strictly; only the error text may hold illegal bytes."""
    fields, _ = closed_fields(_body_of(line), b"^")
    if len(fields) < 5:
        raise Unreadable(f"{len(fields)} closed fields in an answer")
    code = structural(fields[0])
    if not (code == "0" or (code[:1] == "-" and code[1:].isdecimal()
                            and code.isascii() and code[1] != "0")):
        raise Unreadable(f"return code {code!r}")
    return Answer(int(code), structural(fields[1]), structural(fields[2]),
                  decode_record(fields[3]), free_text(fields[4]))
