"""The documents of wuxian byte by byte, and everything a receiver must accept or refuse."""

import re
import socket
import unittest

from fepsim import wuxian_http as http
from fepsim.money import Shares
from fepsim.wuxian_layout import (ANSWER_HEAD, INPUTS, OUTPUTS, REQUEST_HEAD, SHARE_FIELDS,
                                  BadField, read, write_fields, write_values)
from fepsim.wuxian_xml import (Markup, Unreadable, cut, envelope, inner_document, parse, size_of,
                               write_answer, write_request)
from wuxian_peer import Answer, PeerCase, WORKER, read_all

SETTLE_HEAD = {
    "MSGNO": "1402", "MSGID": "H45030000001202611220930150001", "JYFX": "1",
    "AAB301": "450300", "AAA027": "451200", "AKB020": "H45030000001",
    "AAC001": "45120000000000012345", "OPERID": "1007", "OPERNAME": "陆测试",
    "OPTTIME": "20261122093015", "GRANTID": "WX450300"}
SETTLE = {
    "AAZ217": "GW20261120000000000123", "AKC190": "ZY2026110088",
    "AAC001": "45120000000000012345", "AAC003": "吐尔逊·测试", "AKA130": "21",
    "AAE072": "FP2026112200017", "AAE040": "20261122093015", "AKC194": "20261122090000",
    "AKC195": "0", "AKC196": "K35.800", "BKZ102": "急性阑尾炎", "ZHSYBZ": "1",
    "ZTJSBZ": "0", "AKC264": 3256_80, "AAE011": "陆测试"}
SETTLE_BYTES = (
    b'POST /services/YdjyService HTTP/1.1\r\nHost: 10.45.3.10:18081\r\n'
    b'Content-Type: text/xml; charset=GBK\r\nSOAPAction: "urn:wuxian:ydjy#business"\r\n'
    b'Content-Length: 1077\r\nConnection: close\r\n\r\n' + '''<?xml version="1.0" encoding="GBK"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><ns1:business xmlns:ns1="urn:wuxian:ydjy"><inputXml><![CDATA[<?xml version="1.0" encoding="GBK"?>
<REQUEST>
<HEAD><MSGNO>1402</MSGNO><MSGID>H45030000001202611220930150001</MSGID><ORGMSGNO></ORGMSGNO><ORGMSGID></ORGMSGID><JYFX>1</JYFX><AAB301>450300</AAB301><AAA027>451200</AAA027><AKB020>H45030000001</AKB020><AAC001>45120000000000012345</AAC001><OPERID>1007</OPERID><OPERNAME>陆测试</OPERNAME><OPTTIME>20261122093015</OPTTIME><GRANTID>WX450300</GRANTID></HEAD>
<INPUT><AAZ217>GW20261120000000000123</AAZ217><AKC190>ZY2026110088</AKC190><AAC001>45120000000000012345</AAC001><AAC003>吐尔逊·测试</AAC003><AKA130>21</AKA130><AAE072>FP2026112200017</AAE072><AAE040>20261122093015</AAE040><AKC194>20261122090000</AKC194><AKC195>0</AKC195><AKC196>K35.800</AKC196><BKZ102>急性阑尾炎</BKZ102><ZHSYBZ>1</ZHSYBZ><ZTJSBZ>0</ZTJSBZ><AKC264>3256.80</AKC264><AAE011>陆测试</AAE011></INPUT>
</REQUEST>]]></inputXml></ns1:business></soapenv:Body></soapenv:Envelope>'''.encode("gbk"))
SHARES = Shares(total=3256_80, fund=1955_00, acct=800_00, cash=501_80, pool=1955_00,
                full=356_80, pre=150_00, over=50_00, scope=2700_00, dedc=400_00)
ANSWER_INSIDE = '''<?xml version="1.0" encoding="GBK"?>
<RESPONSE>
<HEAD><MSGNO>1402</MSGNO><MSGID>H45030000001202611220930150001</MSGID><REFMSGID>GW4503000001202611220930160789</REFMSGID><RETURNNUM>1</RETURNNUM><ERRORCODE>0000</ERRORCODE><ERRORMSG></ERRORMSG><OPTTIME>20261122093016</OPTTIME></HEAD>
<OUTPUT><AAZ216>GW2026112200000000000456</AAZ216><AAE072>FP2026112200017</AAE072><AAE040>20261122093016</AAE040><AKC264>3256.80</AKC264><AKC260>1955.00</AKC260><AKC255>800.00</AKC255><AKC261>501.80</AKC261><AKE039>1955.00</AKE039><AKE029>0.00</AKE029><AKC262>0.00</AKC262><AKE035>0.00</AKE035><AKE026>0.00</AKE026><BKA821>0.00</BKA821><AKE173>0.00</AKE173><AKC253>356.80</AKC253><AKC228>150.00</AKC228><AKC268>50.00</AKC268><BKC042>2700.00</BKC042><AKA151>400.00</AKA151><AKC087>0.00</AKC087></OUTPUT>
</RESPONSE>'''


class Examples(unittest.TestCase):
    def test_good_request(self):
        document = write_request(write_fields(REQUEST_HEAD.plain, SETTLE_HEAD),
                                 write_values(INPUTS["1402"], SETTLE))
        body = envelope("business", "inputXml", document)
        self.assertEqual((826, 1077), (len(document.encode("gbk")), len(body)))
        message = http.request("10.45.3.10:18081", body)
        self.assertEqual(SETTLE_BYTES, message)
        self.assertEqual(181, len(message) - len(body))

    def test_good_answer(self):
        amounts = SHARES.as_dict()
        head = write_fields(ANSWER_HEAD.plain, {
            "MSGNO": "1402", "MSGID": SETTLE_HEAD["MSGID"], "RETURNNUM": "1",
            "REFMSGID": "GW4503000001202611220930160789", "ERRORCODE": "0000",
            "OPTTIME": "20261122093016"})
        output = write_values(OUTPUTS["1402"], {
            "AAZ216": "GW2026112200000000000456", "AAE072": "FP2026112200017",
            "AAE040": "20261122093016",
            **{name: amounts[share] for name, share in SHARE_FIELDS.items()}})
        document = write_answer(head, output)
        self.assertEqual(ANSWER_INSIDE, document)
        body = envelope("businessResponse", "businessReturn", document)
        self.assertEqual((795, 1074), (len(document.encode("gbk")), len(body)))
        self.assertEqual(97, len(http.answer(200, body)) - len(body))

    def test_failing_request(self):
        head = SETTLE_HEAD | {
            "MSGID": "GW4503000001202611221105400032", "JYFX": "2", "AAB301": "440100",
            "AAA027": "450300", "AKB020": "H44010000002", "AAC001": "45030000000000067890",
            "OPERID": "GW", "OPERNAME": "前置机", "OPTTIME": "20261122110540",
            "GRANTID": "GW450300"}
        values = SETTLE | {
            "AAZ217": "WX2026111900000777", "AKC190": "ZY0019283",
            "AAC001": "45030000000000067890", "AAC003": "覃测", "AAE072": "GZ2026112200311",
            "AAE040": "20261122110538", "AKC194": "20261122100000", "AKC196": "J18.900",
            "BKZ102": "肺炎", "ZHSYBZ": "0", "AKC264": 5120_40, "AAE011": "前置机"}
        document = write_request(write_fields(REQUEST_HEAD.plain, head),
                                 write_values(INPUTS["1402"], values))
        body = envelope("business", "inputXml", document)
        self.assertEqual((803, 1054), (len(document.encode("gbk")), len(body)))
        self.assertEqual(180, len(http.request("10.45.3.20:8081", body)) - len(body))

    def test_failing_answer(self):
        head = write_fields(ANSWER_HEAD.plain, {
            "MSGNO": "1402", "MSGID": "GW4503000001202611221105400032",
            "REFMSGID": "WX4503000001202611221105410045", "RETURNNUM": "-1",
            "ERRORCODE": "2301", "OPTTIME": "20261122110541",
            "ERRORMSG": "医院总额5120.40与中心明细合计5120.39不符"})
        document = write_answer(head, Markup())
        body = envelope("businessResponse", "businessReturn", document)
        self.assertEqual((352, 631), (len(document.encode("gbk")), len(body)))
        self.assertEqual(96, len(http.answer(200, body)) - len(body))


class Documents(unittest.TestCase):
    def test_a_character_outside_gbk_is_a_reference(self):
        body = envelope("business", "inputXml", "<REQUEST><A>䶮&amp;小</A></REQUEST>")
        self.assertIn(b"<A>&#x4DAE;&amp;", body)
        self.assertEqual("䶮&小", inner_document(body, "business", "inputXml").child("A").text)

    def test_what_travels_is_cleaned(self):
        text = write_values(INPUTS["1999"], {"ECHO": "a<b>&\x01\x07c\ufffd]]>\t"})
        self.assertEqual("<ECHO>a&lt;b&gt;&amp;c〓]]&gt;\t</ECHO>", text)

    def test_sizes_are_bytes_of_gbk(self):
        self.assertEqual((1, 2, 2, 5), tuple(size_of(t) for t in ("a", "测", "䶮", "测a䶮")))
        self.assertEqual("测", cut("测试", 3))

    def test_limits(self):
        deep = "<a>" * 8 + "</a>" * 8
        self.assertEqual("a", parse(deep).name)
        for bad in (f"<a>{deep}</a>", f"<{'n' * 65}/>", "<a>", "<a/><b/>", "a", "",
                    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "<a>&x;</a>", "<a>\x00</a>"):
            with self.subTest(bad[:40]), self.assertRaises(Unreadable):
                parse(bad)

    def test_values_of_each_kind(self):
        fields = INPUTS["1301"].row
        row = {"AAZ213": "1", "AKC221": "20261122080000", "AKC515": "H", "AKC516": "甲",
               "AKE003": "1", "AKA063": "11", "AKC225": "1.5", "AKC226": "2", "AKC227": "3.00",
               "AKA065": "1", "AKA069": "0.1000", "AKC253": "0.00", "AKC228": "0.00",
               "AKC268": "0.00", "BKC042": "3.00"}

        def row_of(**change):
            return parse("<R>" + "".join(f"<{k}>{v}</{k}>" for k, v in (row | change).items())
                         + "</R>")

        good = read(fields, row_of())
        self.assertEqual((15000, 20000, 300, 1000), tuple(
            good[name] for name in ("AKC225", "AKC226", "AKC227", "AKA069")))
        self.assertEqual("AB", read(fields, row_of(AKC515=" ＡＢ "))["AKC515"])
        self.assertEqual("院\ufffd", read(fields, row_of(AKC516="院\ufffd"))["AKC516"])
        for name, bad in (("AKC227", "3.0"), ("AKC227", "-0.00"), ("AKC227", "03.00"),
                          ("AKC225", ".5"), ("AKC225", "1.00001"), ("AKC225", "1."),
                          ("AKA069", "1.0001"), ("AKA069", "0.1"), ("AKC221", "20261322080000"),
                          ("AKC515", ""), ("AAZ213", "1" * 21), ("AKC516", "测" * 51)):
            with self.subTest(f"{name} {bad}"), self.assertRaisesRegex(BadField, name):
                read(fields, row_of(**{name: bad}))
        with self.assertRaises(Unreadable):
            read(fields, row_of(AKC515="H\ufffd"))


class Transport(PeerCase):
    """What comes before any field is looked at, over the socket."""

    def body(self, document: str | None = None) -> bytes:
        return envelope("business", "inputXml",
                        document or self.client.document("1999", {"ECHO": "在"}))

    def post(self, body: bytes, **change) -> Answer:
        message = http.request("127.0.0.1", body)
        for old, new in change.values():
            message = message.replace(old, new, 1)
        return Answer(self.client.send(message))

    def test_echo(self):
        answer = self.post(self.body())
        self.assertEqual(("在", "0000"), (answer.values["ECHO"], answer.code))
        self.assertIn(b"Connection: close\r\n", answer.raw)
        self.assertEqual("20261122", answer.values["AAE036"][:8])

    def test_statuses(self):
        for old, new, status in (
                (b"/services/YdjyService", b"/other", 404), (b"POST", b"PUT", 405),
                (b"text/xml", b"text/json", 415), (b"Content-Length", b"Content-Size", 411),
                (b"Content-Length: ", b"Content-Length: 9999", 413)):
            with self.subTest(status):
                self.assertEqual(status, self.post(self.body(), change=(old, new)).status)

    def test_a_wrong_action_is_refused_in_an_answer(self):
        answer = self.post(self.body(), change=(b"#business", b"#other"))
        self.assertEqual((200, "1001"), (answer.status, answer.code))

    def test_a_fault_exactly_when_number_and_serial_cannot_be_read(self):
        document = self.client.document("1999", {})
        no_number = re.sub("<MSGNO>.*?</MSGNO>", "", document)
        no_serial = re.sub("<MSGID>.*?</MSGID>", "<MSGID/>", document)
        for body in (b"nothing", self.body()[:-9], self.body(no_number), self.body(no_serial),
                     self.body(document.replace("</INPUT>", "")),
                     self.body("<!DOCTYPE REQUEST>" + document.partition("\n")[2]),
                     self.body(document.replace("REQUEST", "ANSWER")),
                     self.body().replace(b"<MSGID>G", b"<MSGID>\xff"),
                     self.body().replace(b"urn:wuxian:ydjy", b"urn:other"),
                     self.body().replace(b"<soapenv:Env", b"<!DOCTYPE a><soapenv:Env", 1)):
            with self.subTest(body[:300]):
                answer = self.post(body)
                self.assertEqual((500, True), (answer.status, answer.is_fault))
        answer = self.post(self.body(re.sub("<OPERID>.*?</OPERID>", "", document)))
        self.assertEqual((200, "1003"), (answer.status, answer.code))
        answer = self.post(self.body().replace(b"<OPERID>G", b"<OPERID>\xff"))
        self.assertEqual((200, "1001"), (answer.status, answer.code))

    def test_any_form_of_the_envelope(self):
        document = self.client.document("1999", {"ECHO": "䶮<在>"})
        plain = self.body(document).decode("gbk")
        escaped = document.replace("䶮", "&#x4DAE;").replace("&", "&amp;").replace("<", "&lt;")
        inside = re.search(r"<!\[CDATA\[.*\]\]>", plain, re.S)[0]
        forms = {
            "escaped": plain.replace(inside, escaped),
            "both": plain.replace(inside, "&lt;?xml version=\"1.0\"?>\n<![CDATA["
                                  + inside.partition("\n")[2]),
            "prefixes": plain.replace("soapenv", "S").replace("ns1", "w"),
            "qualified": plain.replace("<inputXml>", "<ns1:inputXml>").replace(
                "</inputXml>", "</ns1:inputXml>"),
            "white space": plain.replace("<ns1:business ", "\n  <ns1:business ").replace(
                inside, f"\n {inside} \n"),
            "order": plain.replace("<HEAD>", "<NEW>1</NEW><HEAD>").replace(
                "<JYFX>2</JYFX>", "").replace("</HEAD>", "<JYFX> 2 </JYFX></HEAD>"),
        }
        for name, form in forms.items():
            with self.subTest(name):
                answer = self.post(form.encode("gbk"))
                self.assertEqual("䶮<在>", answer.values["ECHO"])

    def test_illegal_bytes_in_free_text_are_carried(self):
        body = self.body().replace("前置机".encode("gbk"), b"\xb0\x20\xff")
        self.assertEqual("0000", self.post(body).code)

    def test_a_kept_connection_serves_more(self):
        message = http.request("127.0.0.1", self.body()).replace(b"close", b"keep-alive")
        with self.client.open(message) as connection:
            reader = http.Reader(lambda: connection.recv(65536))
            for _ in range(2):
                answer = reader.head()
                reader.body_of_answer(answer)
                self.assertEqual((200, True), (answer.status,
                                               answer.says("connection", "keep-alive")))
                connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
            read_all(connection)

    def test_a_request_may_come_in_pieces(self):
        message = http.request("127.0.0.1", self.body())
        with self.client.open(message[:50]) as connection:
            connection.sendall(message[50:300])
            connection.sendall(message[300:])
            self.assertEqual(200, Answer(read_all(connection)).status)

    def test_a_name_outside_gbk_comes_back_as_a_reference(self):
        answer = self.client.ask("1101", {"BKA895": "01", "BKA896": WORKER[:-2] + "10",
                                          "AAC003": "䶮小测", "AAE030": "20261122"})
        self.assertIn(b"<AAC003>&#x4DAE;", answer.body)
        self.assertEqual("䶮小测", answer.values["AAC003"])


if __name__ == "__main__":
    unittest.main()
