"""The documents of wuxian: GBK bytes to elements and back.

A SOAP body carries another complete XML document as text. The bytes are decoded
once, outside; what the inner document declares about its encoding says only
what the outer one did with it. Illegal bytes become U+FFFD here, because a
broken name must not spoil the message; a field that programs read refuses them.
"""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.parsers import expat

CHARSET = "gbk"
LARGEST_BODY = 4 * 1024 * 1024
DEEPEST = 8
LONGEST_NAME = 64

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
SERVICE = "urn:wuxian:ydjy"
DECLARATION = '<?xml version="1.0" encoding="GBK"?>\n'
GETA = "〓"

_BETWEEN = " "  # stands between a name and its namespace in what the parser reports


class Unreadable(ValueError):
    """The bytes are not a wuxian message, or a field is not what it must be."""


@dataclass
class Element:
    """An element with its own text; namespaces are part of the name."""

    name: str
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def local(self) -> str:
        """Return the name without its namespace."""
        return self.name.rpartition(_BETWEEN)[2]

    @property
    def text(self) -> str:
        """Return the text without white space and NUL at its ends."""
        return "".join(self.pieces).strip()

    def all(self, name: str) -> list["Element"]:
        """Return the children of this local name."""
        return [child for child in self.children if child.local == name]

    def child(self, name: str) -> "Element":
        """Return the only child of this local name; without one, an empty element."""
        found = self.all(name)
        if len(found) > 1:
            raise Unreadable(f"{name} 重复")
        return found[0] if found else Element(name)


class _Builder:
    """Builds elements within the limits."""

    def __init__(self, depth: int):
        self.root: Element | None = None
        self._open: list[Element] = []
        self._above = depth
        self.parser = expat.ParserCreate("utf-8", namespace_separator=_BETWEEN)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = lambda name: self._open.pop()
        self.parser.CharacterDataHandler = lambda data: self._open[-1].pieces.append(data)
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, attributes: dict) -> None:
        element = Element(name)
        if len(element.local.encode()) > LONGEST_NAME:
            raise Unreadable("名称过长")
        if self._above + len(self._open) >= DEEPEST:
            raise Unreadable("层次过深")
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    @staticmethod
    def _doctype(*about) -> None:
        raise Unreadable("DOCTYPE")


def parse(text: str, depth: int = 0) -> Element:
    """Read a document whose text is decoded already; depth is what lies above it."""
    builder = _Builder(depth)
    try:
        builder.parser.Parse(text.strip().encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise Unreadable(f"XML: {error}") from error
    return builder.root


def inner_document(body: bytes, operation: str, argument: str) -> Element:
    """Return the document inside an envelope: of `business`/`inputXml` or the answer's pair."""
    if len(body) > LARGEST_BODY:
        raise Unreadable("报文过长")
    envelope = parse(body.decode(CHARSET, "replace"))
    call = _path(envelope, f"{SOAP} Envelope", f"{SOAP} Body", f"{SERVICE} {operation}")
    carrier = call.child(argument)
    if carrier.children or carrier.name not in (argument, f"{SERVICE} {argument}"):
        raise Unreadable(argument)
    return parse(carrier.text)


def is_fault(body: bytes) -> bool:
    """Tell whether a body is a SOAP Fault."""
    try:
        envelope = parse(body.decode(CHARSET, "replace"))
        return bool(_path(envelope, f"{SOAP} Envelope", f"{SOAP} Body", f"{SOAP} Fault"))
    except Unreadable:
        return False


def _path(element: Element, *names: str) -> Element:
    """Walk down by full names, beginning with the element itself."""
    if element.name != names[0]:
        raise Unreadable(names[0])
    for name in names[1:]:
        found = [child for child in element.children if child.name == name]
        if len(found) != 1:
            raise Unreadable(name)
        element = found[0]
    return element


# ---- writing -----------------------------------------------------------------

def _reference(error: UnicodeError) -> tuple[str, int]:
    """Write what the code page lacks as a numeric reference."""
    piece = error.object[error.start:error.end]
    return "".join(f"&#x{ord(char):X};" for char in piece), error.end


codecs.register_error("fepsim.reference", _reference)


def clean(value: object) -> str:
    """Make data fit to travel: escaped, controls gone, broken characters as a sign."""
    kept = []
    for char in str(value):
        if char == "\ufffd" or "\ud800" <= char <= "\udfff":
            char = GETA
        if char >= " " and not "\x7f" <= char <= "\x9f" or char in "\n\t":
            kept.append(char)
    return "".join(kept).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write(name: str, value: object) -> str:
    """Write an element: of text, or of what was written already as `Markup`."""
    inside = value if isinstance(value, Markup) else clean(value)
    return f"<{name}>{inside}</{name}>"


class Markup(str):
    """Text that is XML already."""


def write_all(values: Iterable[tuple[str, object]]) -> Markup:
    """Write elements one behind the other."""
    return Markup("".join(write(name, value) for name, value in values))


def size_of(text: str) -> int:
    """Count bytes as the peers do: those of GBK, and 2 where it has no character."""
    return sum(len(char.encode(CHARSET, "ignore")) or 2 for char in text)


def cut(text: str, size: int) -> str:
    """Cut text at a character boundary so that it takes at most so many bytes."""
    while size_of(text) > size:
        text = text[:-1]
    return text


def envelope(operation: str, argument: str, document: str) -> bytes:
    """Put a document into an envelope, exactly as all senders do."""
    text = (f'{DECLARATION}<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Body>'
            f'<ns1:{operation} xmlns:ns1="{SERVICE}"><{argument}><![CDATA[{document}]]>'
            f"</{argument}></ns1:{operation}></soapenv:Body></soapenv:Envelope>")
    return text.encode(CHARSET, "fepsim.reference")


def fault(text: str) -> bytes:
    """Write a SOAP Fault."""
    body = (f'{DECLARATION}<soapenv:Envelope xmlns:soapenv="{SOAP}"><soapenv:Body>'
            "<soapenv:Fault><faultcode>soapenv:Client</faultcode>"
            f"<faultstring>{clean(text)}</faultstring></soapenv:Fault>"
            "</soapenv:Body></soapenv:Envelope>")
    return body.encode(CHARSET, "fepsim.reference")


def write_request(head: Markup, values: Markup) -> str:
    """Write the inner document of a request."""
    return f"{DECLARATION}<REQUEST>\n<HEAD>{head}</HEAD>\n<INPUT>{values}</INPUT>\n</REQUEST>"


def write_answer(head: Markup, values: Markup) -> str:
    """Write the inner document of an answer."""
    return (f"{DECLARATION}<RESPONSE>\n<HEAD>{head}</HEAD>\n<OUTPUT>{values}</OUTPUT>\n"
            "</RESPONSE>")
