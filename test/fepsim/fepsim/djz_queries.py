"""Questions of `dajizhong`: transactions that post nothing and are never replayed."""

from datetime import timedelta

from . import djz_answers, djz_codes as codes, djz_files
from .clock import Clock, day_closes, is_date
from .data import filings, long_certificate
from .djz_copybook import ANSWERS
from .djz_record import HEADER_SIZE, Record, Values, encode_body
from .djz_requests import original_key, required, settle
from .insurer import Insurer
from .refusals import Refusal
from .totals import Row, compare, rows_of

OUTPATIENT = "11"
CATALOGUE_VERSION = "20200101000000"
DISEASES = {"4": "4"}

# Reversals of a day end at its closing; its file is offered half an hour later.
FILE_DELAY = timedelta(minutes=30)

Answer = tuple[bytes, int]


class Queries:
    """Answers by transaction code; an answer is a body and its number of rows."""

    def __init__(self, insurer: Insurer, clock: Clock, files: str = ""):
        self._insurer = insurer
        self._clock = clock
        self._files = files
        self._by_tran = {"100001": self._person, "400001": self._trial,
                         "500002": self._inquiry, "600001": self._totals,
                         "600002": self._detail_file, "600003": self._notice,
                         "700001": self._catalogue_file, "800001": self._filing}

    def answer(self, tran: str, record: Record) -> Answer:
        """Answer one question; its header was checked."""
        return self._by_tran[tran](record)

    def _person(self, record: Record) -> Answer:
        values = record.values
        kind = codes.inward(codes.PERSON_QUERIES, "PQ-KIND", values["PQ-KIND"])
        required(values, "PQ-VALUE", "PQ-DATE")
        category = values["PQ-MED-CAT"]
        med_type = OUTPATIENT if not category else codes.inward(
            codes.MEDICAL_CATEGORIES, "PQ-MED-CAT", category)
        person = self._insurer.find_person(kind, values["PQ-VALUE"].upper(), values["PQ-NAME"])
        deductibles = {insurance.insutype: self._insurer.deductible(insurance, med_type)
                       for insurance in person.insurances.values()}
        return djz_answers.person(person, deductibles)

    def _trial(self, record: Record) -> Answer:
        request = settle(record)
        shares = self._insurer.trial(record.header["H-HOSP"], request)
        return djz_answers.trial(shares, request.bill), 0

    def _inquiry(self, record: Record) -> Answer:
        state, original = self._insurer.inquire(original_key(record))
        body = b""
        if original and state != "refused":
            body = bytes.fromhex(original["answer"])[HEADER_SIZE:]
        return djz_answers.inquired(state, original, body), 0

    def _totals(self, record: Record) -> Answer:
        day = f"{record.header['H-BUS-DATE']:08d}"
        if not is_date(day):
            raise Refusal("1003", "H-BUS-DATE")
        asked = dict(self._asked_row(row) for row in record.rows)
        if len(asked) != len(record.rows):
            raise Refusal("1003", "TQ-ROW")
        if self._clock.now() < day_closes(day):
            raise Refusal("2601", day)
        known = rows_of(self._insurer.money_of_day(record.header["H-SENDER"], day))
        return djz_answers.totals(known, compare(asked, known))

    @staticmethod
    def _asked_row(row: dict) -> tuple[tuple[str, str], Row]:
        insutype = codes.inward(codes.INSURANCE_TYPES, "TQ-INS-TYPE", row["TQ-INS-TYPE"])
        category = codes.inward(codes.CLEARING_CATEGORIES, "TQ-CLR-CAT", row["TQ-CLR-CAT"])
        return (insutype, category), Row(row["TQ-POS"], row["TQ-NEG"], row["TQ-TOTAL"],
                                         row["TQ-FUND"], row["TQ-ACCT"], row["TQ-CASH"])

    def _filing(self, record: Record) -> Answer:
        values = record.values
        required(values, "GQ-RGN", "GQ-DATE")
        number, certificate = values["GQ-PSN-NO"], values["GQ-CERT-NO"].upper()
        if not number and not certificate:
            raise Refusal("1003", "GQ-PSN-NO")
        found = self._insurer.find_person("number" if number else "certificate",
                                          number or certificate, values["GQ-NAME"])
        if certificate and long_certificate(certificate) != long_certificate(found.cert_no):
            raise Refusal("2003")
        return djz_answers.filings([filing for filing in filings(found, values["GQ-RGN"])
                                    if filing.covers(values["GQ-DATE"])])

    # ---- files ---------------------------------------------------------------

    def _folder(self) -> str:
        """Return the shared folder; without one this stand-in offers no files."""
        if not self._files:
            raise Refusal("1002", "未设文件目录")
        return self._files

    @staticmethod
    def _check_kind(values: Values) -> None:
        required(values, "DQ-BUS-DATE")
        if values["DQ-KIND"] != "MX":
            raise Refusal("1003", "DQ-KIND")

    def _detail_file(self, record: Record) -> Answer:
        """Write the day's details once they are final, and say where they are."""
        folder, header = self._folder(), record.header
        self._check_kind(record.values)
        day = record.values["DQ-BUS-DATE"]
        values: Values = {"DR-STATUS": "0"}
        if self._clock.now() >= day_closes(day) + FILE_DELAY:
            postings = self._insurer.money_of_day(header["H-SENDER"], day)
            name = f"DZMX_{header['H-RECEIVER']}_{header['H-SENDER']}_{day}_%03d.txt"
            values = djz_files.put_batch(folder, name, lambda batch: djz_files.detail_records(
                postings, self._insurer.region, header["H-RECEIVER"], header["H-SENDER"],
                day, self._clock.stamp(), header["H-DIR"], batch)).values() if postings else {"DR-STATUS": "2"}
        return encode_body(ANSWERS["600002"], values), 0

    @staticmethod
    def _offer(folder: str, name: str, records: list[bytes]) -> Values:
        return djz_files.put(folder, name, records).values()

    def _notice(self, record: Record) -> Answer:
        """Answer only when the client's file is there as announced."""
        folder, values = self._folder(), record.values
        self._check_kind(values)
        if not djz_files.matches(folder, values["DR-FILE"], values["DR-SIZE"],
                                 values["DR-CRC"], values["DR-CNT"]):
            raise Refusal("9001", values["DR-FILE"])
        return b"", 0

    def _catalogue_file(self, record: Record) -> Answer:
        """Write the items of a kind, unless the client has them already."""
        folder, header = self._folder(), record.header
        kind = codes.inward(codes.ITEM_KINDS | DISEASES, "KQ-KIND", record.values["KQ-KIND"])
        items = [item for item in self._insurer.catalogue.values() if item.kind == kind]
        values: Values = {"DR-STATUS": "2"}
        if items and record.values["KQ-SINCE"] <= CATALOGUE_VERSION:
            stamp = self._clock.stamp()
            values = self._offer(folder, f"MLXZ_{kind}_{stamp}.txt", djz_files.catalogue_records(
                items, header["H-RECEIVER"], header["H-SENDER"], stamp[:8], stamp))
        return encode_body(ANSWERS["700001"],
                           values | {"KR-VERSION": CATALOGUE_VERSION}), 0
