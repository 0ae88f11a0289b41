"""Files of the platform: what is uploaded (9101) and downloaded (9102), and the comparison of a day's details (3202).

A file is a ZIP archive with one text: a row a line, columns parted by tabs, the word null for nothing.
"""

import io
import zipfile
from email.parser import BytesParser

from .data import Item, catalogue
from .money import format_yuan
from .refusals import Refusal

EQUAL, ONLY_HERE, ONLY_THERE, DIFFERS = "0", "1", "2", "3"
COLUMNS = ("setl_id", "mdtrt_id", "psn_no", "medfee_sumamt", "fund_pay_sumamt", "acct_pay", "refd_setl_flag")
PARTS = ("jsonStr", "file")
MOST_FILES = 64
CATALOGUE_KINDS = {"1301": "1", "1305": "2", "1306": "3"}


class Form(dict):
    """The parts of a multipart form by name; raises ValueError if it is none."""

    def __init__(self, content_type: str, body: bytes):
        super().__init__()
        message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
        if not message.is_multipart():
            raise ValueError("no form")
        for part in message.get_payload():
            self[part.get_param("name", header="content-disposition")] = part.get_payload(decode=True)
        if set(self) != set(PARTS):
            raise ValueError(f"parts {sorted(self)}")


def packed(name: str, rows: list[list[str]]) -> bytes:
    """Return a table as a ZIP archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, "".join("\t".join(cell or "null" for cell in row) + "\n" for row in rows))
    return made.getvalue()


def unpacked(data: bytes) -> list[list[str]]:
    """Return the rows of a table in a ZIP archive of one file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = archive.namelist()
        text = archive.read(name).decode()
    return [["" if cell == "null" else cell for cell in line.split("\t")] for line in text.splitlines() if line]


class Files:
    """The files that the platform holds."""

    def __init__(self, region: str):
        self._region = region
        self._held: dict[str, tuple[str, bytes]] = {}
        self.miscompares = False  # the next comparison's first row is said to differ
        self.came: bytes | None = None  # with the message that is being answered

    def keep(self, name: str, data: bytes) -> str:
        """Keep a file; return its number."""
        number = f"fsi/plc/{self._region}/{len(self._held) + 1:08d}"
        if len(self._held) >= MOST_FILES:
            del self._held[next(iter(self._held))]
        self._held[number] = (name, data)
        return number

    def upload(self, given: dict) -> dict:
        """Keep the file that came with a message."""
        if self.came is None or not given.get("filename") or not given.get("fixmedins_code"):
            raise Refusal("1003", "fsUploadIn")
        return {"file_qury_no": self.keep(given["filename"], self.came), "filename": given["filename"],
                "fixmedins_code": given["fixmedins_code"], "dld_endtime": "2099-12-31 00:00:00"}

    def download(self, given: dict) -> bytes:
        """Return a file by its number and name."""
        name, data = self._held.get(given.get("file_qury_no"), ("", b""))
        whose = given.get("fixmedins_code")
        if not data or name != given.get("filename") or not whose or (name.startswith("plc") and whose != "plc"):
            raise Refusal("1003", "file_qury_no")
        return data

    def catalogue(self, number: str, stamp: str, copies: int) -> dict:
        """Keep a catalogue; return where it is to be had."""
        rows = [_catalogue_row(number, item, copy) for copy in range(copies) for item in catalogue(self._region).values()
                if item.kind == CATALOGUE_KINDS[number]]
        name = f"plc{number}{stamp}.zip"
        return {"file_qury_no": self.keep(name, packed(f"{number}.txt", rows)), "filename": name,
                "dld_end_time": "2099-12-31 00:00:00", "data_cnt": len(rows)}

    def compare(self, number: str, held: list[dict], stamp: str) -> dict:
        """Compare an uploaded table with postings; return where the result is to be had."""
        if number not in self._held:
            raise Refusal("1003", "file_qury_no")
        theirs = {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in unpacked(self._held[number][1])}
        ours = {posting["setl_id"]: posting for posting in held}
        rows = [_result(theirs.get(key), ours.get(key)) for key in sorted(theirs.keys() | ours.keys())]
        if self.miscompares and rows:
            rows[0][4], self.miscompares = DIFFERS, False
        name = f"{self._region}{stamp}.zip"
        return {"file_qury_no": self.keep(name, packed("result.txt", rows)), "filename": name,
                "dld_endtime": "2099-12-31 00:00:00"}


def _catalogue_row(number: str, item: Item, copy: int) -> list[str]:
    """Return a row; what stands where is as in a common edition, with more columns behind."""
    code = item.national if copy == 0 else f"{item.national}-{copy}"
    valid = "1" if item.valid_to > "20260101" else "0"
    return {"1301": [code, "", "", item.name, *[""] * 6, "片剂", "", "", "10mg", "", "", "end"],
            "1305": [code, "", "次", "", "", "", valid, "", "", item.name, "", item.valid_from, item.valid_to, "end"],
            "1306": [code, item.name, *[""] * 5, "大", "end"]}[number]


def _result(theirs: dict | None, ours: dict | None) -> list[str]:
    """Return a row: psn_no mdtrt_id setl_id msgid stmt_rslt refd_setl_flag memo and the insurer's amounts."""
    if ours is None:
        return [theirs["psn_no"], theirs["mdtrt_id"], theirs["setl_id"], "", ONLY_THERE, theirs["refd_setl_flag"], "", "", "", ""]
    amounts = [format_yuan(ours[name]) for name in ("total", "fund", "acct")]
    flag = "1" if ours["kind"] == "cancel" else "0"
    same = theirs is not None and [theirs[name] for name in COLUMNS[1:]] == [ours["visit_id"], ours["psn_no"], *amounts, flag]
    word = ONLY_HERE if theirs is None else EQUAL if same else DIFFERS
    return [ours["psn_no"], ours["visit_id"], ours["setl_id"], ours["serial"], word, flag, "", *amounts]
