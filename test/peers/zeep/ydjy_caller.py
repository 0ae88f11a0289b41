"""A wuxian caller made of a public SOAP library (python3-zeep): it shares no line with the gateway or with fepsim. What it
knows comes from the protocol text: envelopes in GBK, an escaped document inside, the fields of the transactions."""

import dataclasses
import datetime
import http.client
import logging
import pathlib
import urllib.parse

import requests
import zeep
from lxml import etree
from zeep.transports import Transport

SERVICE = "/services/YdjyService"
CHINA = datetime.timezone(datetime.timedelta(hours=8))
Fields = dict[str, object]


class GbkTransport(Transport):
    """Sends envelopes in GBK, each on a connection of its own, and keeps what went over the wire."""

    def __init__(self, seconds: float = 150.0):
        session = requests.Session()
        session.trust_env = False
        super().__init__(session=session, operation_timeout=seconds)
        self.logger = logging.getLogger("ydjy")
        self.sent: list[bytes] = []
        self.received: list[bytes] = []

    def post_xml(self, address: str, envelope: etree._Element, headers: dict) -> requests.Response:
        """Write the envelope as the protocol wants it and post it."""
        message = etree.tostring(envelope, encoding="GBK", xml_declaration=True)
        return self.post(address, message, headers | {"Content-Type": "text/xml; charset=GBK"})

    def post(self, address: str, message: bytes, headers: dict) -> requests.Response:
        """Post bytes; the answer is whole or there is none."""
        parts = urllib.parse.urlsplit(address)
        link = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.operation_timeout)
        try:
            link.request("POST", parts.path, message, headers | {"Connection": "close"})
            answer = link.getresponse()
            response = requests.Response()
            response._content = answer.read()
            response.status_code = answer.status
            response.headers.update(answer.getheaders())
        finally:
            link.close()
        self.sent.append(message)
        self.received.append(response.content)
        return response


@dataclasses.dataclass
class Answer:
    """What the server said: its head, its plain fields, its rows, the output of an original inside it."""

    head: dict[str, str]
    out: dict[str, str]
    rows: list[dict[str, str]]
    original: dict[str, str]

    @property
    def code(self) -> str:
        """Return the return code."""
        return self.head["ERRORCODE"]

    @property
    def good(self) -> bool:
        """Is it a good answer?"""
        return (self.head["RETURNNUM"], self.code) == ("1", "0000")


def now() -> str:
    """Return the time in China, 14 digits."""
    return datetime.datetime.now(CHINA).strftime("%Y%m%d%H%M%S")


def element_of(name: str, fields: Fields, rows: list[Fields] | None = None) -> etree._Element:
    """Return an element with a child for each field and the rows in DETAILS."""
    element = etree.Element(name)
    for field, value in fields.items():
        etree.SubElement(element, field).text = str(value)
    if rows is not None:
        details = etree.SubElement(element, "DETAILS")
        details.extend(element_of("ROW", row) for row in rows)
    return element


def fields_of(element: etree._Element | None) -> dict[str, str]:
    """Return the plain children of an element."""
    return {} if element is None else {child.tag: (child.text or "").strip() for child in element if not len(child)}


def read_answer(document: str) -> Answer:
    """Read the inner document; its declaration speaks of bytes that are text by now."""
    root = etree.fromstring(document.partition("?>")[2].strip() if document.startswith("<?xml") else document)
    if root.tag != "RESPONSE":
        raise ValueError(root.tag)
    output = root.find("OUTPUT")
    return Answer(fields_of(root.find("HEAD")), fields_of(output), [fields_of(row) for row in output.iter("ROW")],
                  fields_of(output.find("ORGOUTPUT")))


class YdjyCaller:
    """One hospital of a region, calling its gateway."""

    def __init__(self, port: int, region: str, hospital: str, insured_area: str):
        self.transport = GbkTransport()
        client = zeep.Client(str(pathlib.Path(__file__).parent / "ydjy.wsdl"), transport=self.transport)
        self._service = client.create_service("{urn:wuxian:ydjy}YdjyBinding", f"http://127.0.0.1:{port}{SERVICE}")
        self._region, self._hospital, self._insured_area = region, hospital, insured_area
        self._number = 0

    def new_serial(self) -> str:
        """Return a serial never used before in this process."""
        self._number += 1
        return f"{self._hospital}{now()}{7000 + self._number:04d}"

    def ask(self, code: str, fields: Fields, rows: list[Fields] | None = None, serial: str = "",
            original: tuple[str, str] = ("", ""), **head: str) -> Answer:
        """Send one request and return its answer; zeep.exceptions.Fault or TransportError where there is none."""
        serial = serial or self.new_serial()
        values = {"MSGNO": code, "MSGID": serial, "ORGMSGNO": original[0], "ORGMSGID": original[1], "JYFX": "1",
                  "AAB301": self._region, "AAA027": self._insured_area, "AKB020": self._hospital, "AAC001": "",
                  "OPERID": "1007", "OPERNAME": "陆测试", "OPTTIME": now(), "GRANTID": f"WX{self._region}"} | head
        document = etree.Element("REQUEST")
        document.append(element_of("HEAD", values))
        document.append(element_of("INPUT", fields, rows))
        # A character that GBK lacks becomes a reference here, and is escaped once more in the envelope.
        text = etree.tostring(document, encoding="GBK", xml_declaration=True).decode("GBK")
        answer = read_answer(self._service.business(inputXml=text))
        if (answer.head["MSGNO"], answer.head["MSGID"]) != (code, serial):
            raise ValueError("the answer to another request")
        return answer
