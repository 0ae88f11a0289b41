"""What the tests of fepctl share: a gateway's files in a temporary directory, and the command itself."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("FEP_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("FEP_BUILD", SOURCE / "build"))
FEPCTL = BUILD / "gateway" / "ctl" / "fepctl"

GATEWAY = """gateway = {{ node = "GW4501000001"; name = "南宁"; region = "450100";
  state_directory = "state"; run_directory = "run"; link_key_file = "keys/link"; body_key_file = "keys/body";
  pseudonym_key_file = "keys/pseudonym"; }};
peers = ( {{ name = "GW4500000001"; endpoint = "tcp://127.0.0.1:5555"; public_key_file = "keys/link.pub"; }} );
instances = ( {instances} );
routes = "routes.cfg"; transactions = "{source}/schema/transactions.cfg";
schema_directory = "{source}/schema"; adapter_directory = "{build}/adapters";
{more}
"""
ROUTES = """routes = (
  { prefix = "4501"; refuse = "local"; },
  { prefix = "450199"; to = ( "GW4500000001" ); },
  { prefix = "45"; infno = "2304"; med_type = "11"; refuse = "no outpatient"; },
  { prefix = "45"; to = ( "GW4500000001" ); },
  { prefix = "66"; valid_from = "2026-01-01"; valid_to = "2026-12-31"; to = ( "GW4500000001" ); }
);
"""


class FepctlCase(unittest.TestCase):
    """A test with a directory of its own, a good configuration in it, and no locale but the one it names."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="fep-ctl-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.config = self.directory / "fepd.conf"
        (self.directory / "keys").mkdir()
        (self.directory / "run").mkdir()
        self.write_config()
        (self.directory / "routes.cfg").write_text(ROUTES, encoding="utf-8")

    def write_config(self, instances="", more=""):
        """Write the configuration, with instances and further groups if given."""
        self.config.write_text(GATEWAY.format(source=SOURCE, build=BUILD, instances=instances, more=more),
                               encoding="utf-8")

    def make_keys(self):
        """Make the keys that the configuration names."""
        for kind in ("link", "body", "pseudonym"):
            self.expect(0, "keys", kind, self.directory / "keys" / kind)

    def run_fepctl(self, *arguments, locale="C.UTF-8", given=None):
        """Run fepctl and return what became of it."""
        environment = {**os.environ, "LC_ALL": locale}
        return subprocess.run([FEPCTL, "-c", self.config, *map(str, arguments)], capture_output=True, text=True,
                              timeout=60, check=False, env=environment, input=given)

    def expect(self, code, *arguments, **options):
        """Run fepctl, which must end with this exit code; return (stdout, stderr)."""
        done = self.run_fepctl(*arguments, **options)
        self.assertEqual(code, done.returncode, f"fepctl {arguments}:\n{done.stdout}{done.stderr}")
        return done.stdout, done.stderr
