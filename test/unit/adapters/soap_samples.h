/* Whole messages of wuxian, as text; the wire has them in GBK. */
#ifndef SOAP_SAMPLES_H
#define SOAP_SAMPLES_H

#define ENVELOPE_BEGIN                                                                                       \
    "<?xml version=\"1.0\" encoding=\"GBK\"?>\n"                                                             \
    "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>"
#define ENVELOPE_END "</soapenv:Body></soapenv:Envelope>"
#define ASK(inner)                                                                                           \
    ENVELOPE_BEGIN "<ns1:business xmlns:ns1=\"urn:wuxian:ydjy\"><inputXml><![CDATA[" inner                   \
                   "]]></inputXml></ns1:business>" ENVELOPE_END
#define TELL(inner)                                                                                          \
    ENVELOPE_BEGIN "<ns1:businessResponse xmlns:ns1=\"urn:wuxian:ydjy\"><businessReturn><![CDATA[" inner     \
                   "]]></businessReturn></ns1:businessResponse>" ENVELOPE_END
#define REQUEST(head, input)                                                                                 \
    "<?xml version=\"1.0\" encoding=\"GBK\"?>\n<REQUEST>\n<HEAD>" head "</HEAD>\n<INPUT>" input              \
    "</INPUT>\n</REQUEST>"
#define RESPONSE(head, output)                                                                               \
    "<?xml version=\"1.0\" encoding=\"GBK\"?>\n<RESPONSE>\n<HEAD>" head "</HEAD>\n<OUTPUT>" output           \
    "</OUTPUT>\n</RESPONSE>"

/* A Hechi insured leaves a Guilin hospital: asked of the gateway, 1077 bytes; answered well, 1074. */
#define GOOD_HEAD                                                                                            \
    "<MSGNO>1402</MSGNO><MSGID>H45030000001202611220930150001</MSGID><ORGMSGNO></ORGMSGNO>"                  \
    "<ORGMSGID></ORGMSGID><JYFX>1</JYFX><AAB301>450300</AAB301><AAA027>451200</AAA027>"                      \
    "<AKB020>H45030000001</AKB020><AAC001>45120000000000012345</AAC001><OPERID>1007</OPERID>"                \
    "<OPERNAME>陆测试</OPERNAME><OPTTIME>20261122093015</OPTTIME><GRANTID>WX450300</GRANTID>"
#define GOOD_INPUT                                                                                           \
    "<AAZ217>GW20261120000000000123</AAZ217><AKC190>ZY2026110088</AKC190>"                                   \
    "<AAC001>45120000000000012345</AAC001><AAC003>吐尔逊·测试</AAC003><AKA130>21</AKA130>"             \
    "<AAE072>FP2026112200017</AAE072><AAE040>20261122093015</AAE040><AKC194>20261122090000</AKC194>"         \
    "<AKC195>0</AKC195><AKC196>K35.800</AKC196><BKZ102>急性阑尾炎</BKZ102><ZHSYBZ>1</ZHSYBZ>"           \
    "<ZTJSBZ>0</ZTJSBZ><AKC264>3256.80</AKC264><AAE011>陆测试</AAE011>"
#define GOOD_ANSWER_HEAD                                                                                     \
    "<MSGNO>1402</MSGNO><MSGID>H45030000001202611220930150001</MSGID>"                                       \
    "<REFMSGID>GW4503000001202611220930160789</REFMSGID><RETURNNUM>1</RETURNNUM>"                            \
    "<ERRORCODE>0000</ERRORCODE><ERRORMSG></ERRORMSG><OPTTIME>20261122093016</OPTTIME>"
#define GOOD_OUTPUT                                                                                          \
    "<AAZ216>GW2026112200000000000456</AAZ216><AAE072>FP2026112200017</AAE072>"                              \
    "<AAE040>20261122093016</AAE040><AKC264>3256.80</AKC264><AKC260>1955.00</AKC260>"                        \
    "<AKC255>800.00</AKC255><AKC261>501.80</AKC261><AKE039>1955.00</AKE039><AKE029>0.00</AKE029>"            \
    "<AKC262>0.00</AKC262><AKE035>0.00</AKE035><AKE026>0.00</AKE026><BKA821>0.00</BKA821>"                   \
    "<AKE173>0.00</AKE173><AKC253>356.80</AKC253><AKC228>150.00</AKC228><AKC268>50.00</AKC268>"              \
    "<BKC042>2700.00</BKC042><AKA151>400.00</AKA151><AKC087>0.00</AKC087>"
#define GOOD_REQUEST ASK(REQUEST(GOOD_HEAD, GOOD_INPUT))
#define GOOD_ANSWER  TELL(RESPONSE(GOOD_ANSWER_HEAD, GOOD_OUTPUT))
#define GOOD_REQUEST_HTTP                                                                                    \
    "POST /services/YdjyService HTTP/1.1\r\nHost: 10.45.3.10:18081\r\n"                                      \
    "Content-Type: text/xml; charset=GBK\r\nSOAPAction: \"urn:wuxian:ydjy#business\"\r\n"                    \
    "Content-Length: 1077\r\nConnection: close\r\n\r\n"
#define GOOD_ANSWER_HTTP                                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=GBK\r\nContent-Length: 1074\r\n"                     \
    "Connection: close\r\n\r\n"

/* The gateway asks, the centre refuses for a difference of one fen: 1054 bytes, 631. */
#define BAD_HEAD                                                                                             \
    "<MSGNO>1402</MSGNO><MSGID>GW4503000001202611221105400032</MSGID><ORGMSGNO></ORGMSGNO>"                  \
    "<ORGMSGID></ORGMSGID><JYFX>2</JYFX><AAB301>440100</AAB301><AAA027>450300</AAA027>"                      \
    "<AKB020>H44010000002</AKB020><AAC001>45030000000000067890</AAC001><OPERID>GW</OPERID>"                  \
    "<OPERNAME>前置机</OPERNAME><OPTTIME>20261122110540</OPTTIME><GRANTID>GW450300</GRANTID>"
#define BAD_INPUT                                                                                            \
    "<AAZ217>WX2026111900000777</AAZ217><AKC190>ZY0019283</AKC190>"                                          \
    "<AAC001>45030000000000067890</AAC001><AAC003>覃测</AAC003><AKA130>21</AKA130>"                        \
    "<AAE072>GZ2026112200311</AAE072><AAE040>20261122110538</AAE040><AKC194>20261122100000</AKC194>"         \
    "<AKC195>0</AKC195><AKC196>J18.900</AKC196><BKZ102>肺炎</BKZ102><ZHSYBZ>0</ZHSYBZ>"                    \
    "<ZTJSBZ>0</ZTJSBZ><AKC264>5120.40</AKC264><AAE011>前置机</AAE011>"
#define BAD_ANSWER_HEAD                                                                                      \
    "<MSGNO>1402</MSGNO><MSGID>GW4503000001202611221105400032</MSGID>"                                       \
    "<REFMSGID>WX4503000001202611221105410045</REFMSGID><RETURNNUM>-1</RETURNNUM>"                           \
    "<ERRORCODE>2301</ERRORCODE><ERRORMSG>医院总额5120.40与中心明细合计5120.39不符</ERRORMSG>"  \
    "<OPTTIME>20261122110541</OPTTIME>"
#define BAD_REQUEST ASK(REQUEST(BAD_HEAD, BAD_INPUT))
#define BAD_ANSWER  TELL(RESPONSE(BAD_ANSWER_HEAD, ""))
#define BAD_REQUEST_HTTP                                                                                     \
    "POST /services/YdjyService HTTP/1.1\r\nHost: 10.45.3.20:8081\r\n"                                       \
    "Content-Type: text/xml; charset=GBK\r\nSOAPAction: \"urn:wuxian:ydjy#business\"\r\n"                    \
    "Content-Length: 1054\r\nConnection: close\r\n\r\n"
#define BAD_ANSWER_HTTP                                                                                      \
    "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=GBK\r\nContent-Length: 631\r\n"                      \
    "Connection: close\r\n\r\n"

#endif
