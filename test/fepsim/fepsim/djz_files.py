"""Files of `dajizhong`: the day's details and the catalogue, written for the client to fetch.

A file is made under another name, flushed and renamed; then `name.ok` follows the
same way.  Without its `.ok` a file does not exist.
"""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from . import djz_codes as codes
from .data import Item
from .djz_copybook import layout
from .djz_record import Values, encode
from .totals import Row

DETAIL_SIZE, CATALOGUE_SIZE = 240, 256

_HEAD = """
    M-TYPE       X1
    M-KIND       X2
    M-SENDER     X12
    M-RECEIVER   X12
    M-BUS-DATE   D8
    M-BATCH      93
    M-CREATED    D14
    M-FILLER     X{0}
"""

_TAIL = """
    T-TYPE       X1
    T-CNT        98
    T-POS        98
    T-NEG        98
    T-TOTAL      M
    T-FUND       M
    T-ACCT       M
    T-CASH       M
    T-FILLER     X{0}
"""

HEADS = {DETAIL_SIZE: layout(_HEAD.format(188)), CATALOGUE_SIZE: layout(_HEAD.format(204))}
TAILS = {DETAIL_SIZE: layout(_TAIL.format(163)), CATALOGUE_SIZE: layout(_TAIL.format(179))}

DETAIL = layout("""
    D-TYPE       X1
    D-SEQ        98
    D-SERIAL     X20
    D-TRAN       96
    D-DIR        X1
    D-CTR-SERIAL X20
    D-CTR-VISIT  X20
    D-SETL-NO    X20
    D-ORG-SETL-NO X20
    D-PSN-NO     X20
    D-HOSP       X12
    D-TREAT-RGN  X6
    D-INSU-RGN   X6
    D-POST-TIME  D14
    D-INS-TYPE   X2
    D-MED-CAT    X2
    D-TOTAL      M
    D-FUND       M
    D-ACCT       M
    D-CASH       M
    D-STATE      X1
    D-FILLER     X9
""")

ITEM = layout("""
    K-TYPE       X1
    K-SEQ        98
    K-CODE       X30
    K-NAME       T100
    K-KIND       X1
    K-FEE-CAT    X2
    K-LEVEL      X1
    K-RATIO      R
    K-LIMIT      Q
    K-UNIT       T10
    K-SPEC       T40
    K-FORM       T20
    K-BEGIN      D8
    K-END        D8
    K-VALID      X1
    K-FILLER     X8
""")


@dataclass(frozen=True)
class Offer:
    """A file that is there to be fetched."""

    name: str
    size: int
    crc: str
    records: int

    def values(self) -> Values:
        """Return what an answer says about the file."""
        return {"DR-STATUS": "1", "DR-FILE": self.name, "DR-SIZE": self.size,
                "DR-CRC": self.crc, "DR-CNT": self.records}


def crc_of(data: bytes) -> str:
    """Return the checksum of a file."""
    return f"{zlib.crc32(data):08X}"


def put(folder: str, name: str, records: list[bytes]) -> Offer:
    """Write the records of a file, head and tail included, and declare it complete."""
    data = b"".join(record + b"\n" for record in records)
    offer = Offer(name, len(data), crc_of(data), len(records) - 2)
    _write(folder, name, data)
    line = f"{offer.size:012d} {offer.crc} {offer.records:08d}\n"
    _write(folder, name + ".ok", line.encode())
    return offer


def put_batch(folder: str, form: str, records_of: Callable[[int], list[bytes]]) -> Offer:
    """Offer the file as it stands, or what has changed since as the next batch; a complete file is never replaced."""
    batch = 1
    while os.path.exists(os.path.join(folder, form % batch + ".ok")):
        batch += 1
    if batch > 1:
        records = records_of(batch - 1)
        with open(os.path.join(folder, form % (batch - 1)), "rb") as file:
            data = file.read()
        if data[len(records[0]) + 1:] == b"".join(record + b"\n" for record in records[1:]):
            return Offer(form % (batch - 1), len(data), crc_of(data), len(records) - 2)
    return put(folder, form % batch, records_of(batch))


def _write(folder: str, name: str, data: bytes) -> None:
    """Put one file on the disk so that it is whole or not there."""
    path = os.path.join(folder, name)
    with open(path + ".tmp", "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".tmp", path)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def matches(folder: str, name: str, size: int, crc: str, records: int) -> bool:
    """Tell whether a file announced by the other side is there as announced."""
    if not name or os.path.basename(name) != name:
        return False
    try:
        with open(os.path.join(folder, name + ".ok"), "rb") as ok:
            line = ok.read()
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return False
    return (line == f"{size:012d} {crc} {records:08d}\n".encode()
            and len(data) == size and crc_of(data) == crc)


def detail_records(postings: list[dict], region: str, sender: str, receiver: str, day: str,
                   created: str, direction: str = "2", batch: int = 1) -> list[bytes]:
    """Write a day's settlements and cancellations; reversed ones are for information."""
    sums, records = Row(), []
    for number, posting in enumerate(postings, 1):
        if posting["state"] != "reversed":
            sums.add(posting)
        records.append(_detail(number, posting, region, direction))
    head = encode(HEADS[DETAIL_SIZE], {
        "M-TYPE": "H", "M-KIND": "MX", "M-SENDER": sender, "M-RECEIVER": receiver,
        "M-BUS-DATE": day, "M-BATCH": batch, "M-CREATED": created})
    return [head, *records, _tail(DETAIL_SIZE, len(records), sums)]


def _tail(size: int, count: int, sums: Row) -> bytes:
    return encode(TAILS[size], {
        "T-TYPE": "T", "T-CNT": count, "T-POS": sums.pos, "T-NEG": sums.neg,
        "T-TOTAL": sums.total, "T-FUND": sums.fund, "T-ACCT": sums.acct,
        "T-CASH": sums.cash})


def _detail(number: int, posting: dict, region: str, direction: str) -> bytes:
    return encode(DETAIL, {
        "D-TYPE": "D", "D-SEQ": number, "D-SERIAL": posting["serial"],
        "D-TRAN": posting["tran"], "D-DIR": direction, "D-CTR-SERIAL": posting["ctr_serial"],
        "D-CTR-VISIT": posting["visit_id"], "D-SETL-NO": posting["setl_id"],
        "D-ORG-SETL-NO": posting.get("org_setl_id", ""), "D-PSN-NO": posting["psn_no"],
        "D-HOSP": posting["hospital"], "D-TREAT-RGN": posting["treat_region"],
        "D-INSU-RGN": region, "D-POST-TIME": posting["at"],
        "D-INS-TYPE": codes.outward(codes.INSURANCE_TYPES, posting["insutype"]),
        "D-MED-CAT": codes.outward(codes.MEDICAL_CATEGORIES, posting["med_type"]),
        "D-TOTAL": posting["total"], "D-FUND": posting["fund"], "D-ACCT": posting["acct"],
        "D-CASH": posting["cash"],
        "D-STATE": codes.outward(codes.POSTING_STATES, posting["state"])})


def catalogue_records(items: list[Item], sender: str, receiver: str, day: str,
                      created: str) -> list[bytes]:
    """Write the items of one kind."""
    head = encode(HEADS[CATALOGUE_SIZE], {
        "M-TYPE": "H", "M-KIND": "ML", "M-SENDER": sender, "M-RECEIVER": receiver,
        "M-BUS-DATE": day, "M-BATCH": 1, "M-CREATED": created})
    records = [encode(ITEM, {
        "K-TYPE": "D", "K-SEQ": number, "K-CODE": item.local, "K-NAME": item.name,
        "K-KIND": item.kind, "K-LEVEL": item.level, "K-RATIO": item.ratio_e4,
        "K-FEE-CAT": codes.outward(codes.FEE_CATEGORIES, item.fee_category),
        "K-LIMIT": item.ceiling_e4, "K-BEGIN": item.valid_from, "K-END": item.valid_to,
        "K-VALID": codes.outward(codes.YES_NO, item.valid_on(day))})
        for number, item in enumerate(items, 1)]
    return [head, *records, _tail(CATALOGUE_SIZE, len(records), Row())]
