"""Files of dajizhong as their reader takes them: whole and sound, or not at all."""

import os

from .djz_files import CATALOGUE_SIZE, DETAIL, DETAIL_SIZE, HEADS, ITEM, TAILS, matches
from .djz_record import Unreadable, Values, decode
from .totals import Row

_SUMS = {"T-TOTAL": "D-TOTAL", "T-FUND": "D-FUND", "T-ACCT": "D-ACCT", "T-CASH": "D-CASH"}
_CANCELLATION, _REVERSED = "400003", "4"

_POSTING = {"D-SERIAL": "serial", "D-CTR-SERIAL": "centre_serial",
            "D-CTR-VISIT": "visit_id", "D-SETL-NO": "setl_id",
            "D-ORG-SETL-NO": "cancelled_id", "D-PSN-NO": "psn_no", "D-HOSP": "hospital",
            "D-POST-TIME": "time", "D-INS-TYPE": "insurance", "D-MED-CAT": "med_type",
            "D-TOTAL": "total", "D-FUND": "fund", "D-ACCT": "acct", "D-CASH": "cash",
            "D-STATE": "state"}
_ITEM = {"K-CODE": "code", "K-NAME": "name", "K-KIND": "kind", "K-FEE-CAT": "fee_cat",
         "K-LEVEL": "level", "K-RATIO": "ratio", "K-LIMIT": "ceiling", "K-UNIT": "unit",
         "K-SPEC": "spec", "K-FORM": "dosage_form", "K-BEGIN": "begin", "K-END": "end",
         "K-VALID": "valid"}


def postings(folder: str, offer: dict, day: str) -> list[dict]:
    """Return the postings of a day from the file that was offered."""
    head, records, tail = _read(folder, offer, DETAIL_SIZE, DETAIL, "D-SEQ")
    if head["M-KIND"] != "MX" or head["M-BUS-DATE"] != day:
        raise Unreadable("another kind or day")
    counted = [record for record in records if record["D-STATE"] != _REVERSED]
    back = sum(f"{record['D-TRAN']:06d}" == _CANCELLATION for record in counted)
    found = Row(len(counted) - back, back,
                *(sum(record[name] for record in counted) for name in _SUMS.values()))
    if found != Row(tail["T-POS"], tail["T-NEG"], *(tail[name] for name in _SUMS)):
        raise Unreadable("the trailer does not fit")
    return [{"code": f"{record['D-TRAN']:06d}",
             **{name: record[field] for field, name in _POSTING.items()}}
            for record in records]


def items(folder: str, offer: dict) -> list[dict]:
    """Return the items of a catalogue file."""
    head, records, _ = _read(folder, offer, CATALOGUE_SIZE, ITEM, "K-SEQ")
    if head["M-KIND"] != "ML":
        raise Unreadable("another kind")
    return [{name: record[field] for field, name in _ITEM.items()} for record in records]


def _read(folder: str, offer: dict, size: int, layout, sequence: str) -> tuple[
        Values, list[Values], Values]:
    """Take a file apart; anything amiss rejects it whole."""
    if not matches(folder, offer["file"], offer["size"], offer["crc"], offer["count"]):
        raise Unreadable("the file is not there as offered")
    with open(os.path.join(folder, offer["file"]), "rb") as file:
        data = file.read()
    if len(data) % (size + 1) or data[size::size + 1].strip(b"\n"):
        raise Unreadable("record length")
    lines = [data[at:at + size] for at in range(0, len(data), size + 1)]
    if len(lines) < 2 or lines[0][:1] != b"H" or lines[-1][:1] != b"T" or any(
            line[:1] != b"D" for line in lines[1:-1]):
        raise Unreadable("head, records, trailer")
    head, tail = decode(HEADS[size], lines[0]), decode(TAILS[size], lines[-1])
    records = [decode(layout, line) for line in lines[1:-1]]
    if [record[sequence] for record in records] != list(range(1, len(records) + 1)) \
            or tail["T-CNT"] != len(records):
        raise Unreadable("sequence or count")
    return head, records, tail
