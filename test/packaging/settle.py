"""One settlement through the installed gateway, asked over the loopback module's socket: settle.py SOCKET MSGID."""

import json
import socket
import struct
import sys


def main() -> int:
    """Ask and say what came; 0 if it was answered."""
    path, msgid = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(60)
        link.connect(path)
        head = {"infno": "2207", "msgid": msgid, "insured_area": "450100", "treat_area": "450100", "person": "P1"}
        message = json.dumps(head, separators=(",", ":")).encode() + b'\n{"input":{"data":{"psn_no":"P1"}}}'
        link.sendall(struct.pack(">I", len(message)) + message)
        reader = link.makefile("rb")
        size = struct.unpack(">I", reader.read(4))[0]
        answer, _, body = reader.read(size).partition(b"\n")
    told = json.loads(answer)
    print(told["kind"], told["code"], told["text"], body.decode()[:60])
    return 0 if told["kind"] == "answered" else 1


if __name__ == "__main__":
    sys.exit(main())
