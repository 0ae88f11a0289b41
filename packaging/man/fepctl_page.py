"""Makes fepctl.1 from what `fepctl --help` says, so that the page never knows less than the program.

    fepctl_page.py FEPCTL VERSION > fepctl.1
"""

import re
import subprocess
import sys

HEAD = r""".\" Made from fepctl --help.
.TH FEPCTL 1 "" "fep-gateway {version}" "FEP Gateway"
.SH NAME
fepctl \- the operators' and integrators' command of the FEP Gateway
.SH SYNOPSIS
.B fepctl
.RB [ \-c
.IR FILE ]
.RB [ \-\-lang
.BR zh | en ]
.I COMMAND
\&...
.SH DESCRIPTION
One command for everything that people do with a gateway: look, explain, settle by hand, repair, and work on mappings. It
asks the running router over a local socket, or reads the files where the router is down and says so.
.SH OPTIONS
.TP
.BR \-c " " \fIFILE\fP
The gateway's configuration.
.TP
.BR \-\-lang " " zh | en
The language of texts for people; without it, Chinese where the locale is Chinese.
.TP
.B \-\-json
Where a command takes it: the answer as JSON, for programs.
.TP
.B \-\-version
The version.
.SH COMMANDS
"""

TAIL = r""".SH EXIT STATUS
.TP
.B 0
Good.
.TP
.B 1
Not found, or the state asked about is not good.
.TP
.B 100
Used wrongly or misconfigured.
.TP
.B 111
Files, memory or the system failed.
.SH SEE ALSO
.BR fepd (8),
.BR fep\-adapter (8)
"""


def escape(text: str) -> str:
    """Return the text as roff takes it."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def pages(text: str) -> str:
    """Return the commands of a help text as tagged paragraphs."""
    out = []
    for line in text.splitlines():
        command = re.fullmatch(r"  fepctl (\S.*)", line)
        if command:
            out += [".TP", ".B " + escape(command[1])]
        elif line.startswith("      ") and out:
            out.append(escape(line.strip()))
    return "\n".join(out) + "\n"


def main() -> None:
    """Write the page."""
    program, version = sys.argv[1:]
    text = subprocess.run([program, "--lang", "en", "--help"], check=True, capture_output=True, text=True).stdout
    sys.stdout.write(HEAD.replace("{version}", version) + pages(text) + TAIL)


if __name__ == "__main__":
    main()
