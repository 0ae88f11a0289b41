"""What `meson install` puts where: a gateway made from the installed files alone reads its configuration, and the service
manager takes its unit."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("FEP_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("FEP_BUILD", SOURCE / "build"))
WORST_EXPOSURE = 2.0


class InstallTest(unittest.TestCase):
    """Everything into a directory of its own."""

    root: pathlib.Path

    @classmethod
    def setUpClass(cls) -> None:
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="fep-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        subprocess.run(["/usr/bin/meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root],
                       check=True, timeout=120, capture_output=True)
        cls.files = {path.relative_to(cls.root) for path in cls.root.rglob("*") if path.is_file()}

    def one(self, name: str) -> pathlib.Path:
        """Return the one installed file of that name."""
        found = [path for path in self.files if path.name == name]
        self.assertEqual(1, len(found), f"{name}: {found}")
        return self.root / found[0]

    def test_programs_and_modules(self) -> None:
        """Daemon, host, command, and each module that the tree has."""
        for name in ("fepd", "fep-adapter", "fepctl"):
            self.assertTrue(os.access(self.one(name), os.X_OK), name)
        modules = {path.stem for path in self.files if path.parent.name == "adapters" and path.suffix == ".so"}
        self.assertLessEqual({"caret", "fixed", "soap", "national", "loopback"}, modules)

    def test_every_migration_is_there(self) -> None:
        """The store's schema and the tables, file by file as in the tree."""
        for folder in ("queue", "journal"):
            wanted = {path.name for path in (SOURCE / "schema" / folder).glob("*.sql")}
            installed = {path.name for path in self.files if path.parent.name == folder and path.suffix == ".sql"}
            self.assertEqual(wanted, installed, folder)
        for name in ("transactions.cfg", "canonical.cfg", "wire.cfg", "fep.rules.yml"):
            self.one(name)

    def test_every_mapping_profile_and_crosswalk_is_there(self) -> None:
        """What stands in etc/ in the tree is installed."""
        wanted = {path.name for folder in ("mapping", "profile", "adapters.d") for path in
                  (SOURCE / "etc" / folder).rglob("*") if path.suffix in (".cfg", ".inc", ".conf")}
        self.assertEqual(set(), wanted - {path.name for path in self.files})

    def test_module_is_built_against_what_is_installed(self) -> None:
        """The integrator's example, with the flags that pkg-config gives, and the installed fepctl knows it."""
        folder = self.one("fep-adapter.pc").parent
        flags = subprocess.run(["pkg-config", "--cflags", "--define-variable=prefix=" + str(self.root / "usr/local"),
                                "fep-adapter"], check=True, capture_output=True, text=True, timeout=30,
                               env={**os.environ, "PKG_CONFIG_PATH": str(folder)}).stdout.split()
        module = self.root / "example.so"
        include = self.one("adapter.h").parents[1]
        subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", *flags, f"-I{include}", "-o",
                        module, SOURCE / "adapters" / "example" / "module.c"], check=True, timeout=120)
        told = subprocess.run([self.one("fepctl"), "--lang", "en", "adapter", "describe", module], check=True,
                              capture_output=True, text=True, timeout=30).stdout
        self.assertTrue(told.startswith("example 1.0"), told)

    def test_manual_pages(self) -> None:
        """A page for each program, with every option that its help names; man finds nothing to complain of."""
        for program, page in (("fepctl", "fepctl.1"), ("fepd", "fepd.8"), ("fep-adapter", "fep-adapter.8")):
            text = self.one(page).read_text(encoding="utf-8").replace("\\-", "-")
            done = subprocess.run([self.one(program), "--help"], capture_output=True, text=True, timeout=30, check=False,
                                  env={**os.environ, "LC_ALL": "C.UTF-8"})
            options = set(re.findall(r"--[a-z][a-z-]+", done.stdout + done.stderr)) - {"--help"}
            self.assertEqual(set(), {option for option in options if option not in text}, page)
            if shutil.which("man") is None:
                continue
            judged = subprocess.run(["man", "--warnings", "-l", self.one(page)], capture_output=True, text=True,
                                    timeout=60, check=False, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"})
            self.assertEqual((0, ""), (judged.returncode, judged.stderr), page)

    def test_unit(self) -> None:
        """The unit names what is installed, and nothing in it is unknown or wide open."""
        unit = self.one("fepd.service")
        text = unit.read_text(encoding="utf-8")
        self.assertNotIn("@FEP", text)
        started = re.search(r"^ExecStart=(\S+) --config (\S+)$", text, re.MULTILINE)
        self.assertTrue((self.root / started[1].lstrip("/")).exists(), started[1])
        self.assertTrue((self.root / started[2].lstrip("/")).parent.is_dir(), started[2])
        analyze = shutil.which("systemd-analyze")
        if analyze is None:
            self.skipTest("systemd-analyze is not installed")
        checked = self.root / "fepd.service"
        checked.write_text(text.replace(started[1], "/bin/true"), encoding="utf-8")
        done = subprocess.run([analyze, "verify", "--man=no", checked], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        done = subprocess.run([analyze, "security", "--offline=yes", f"--threshold={WORST_EXPOSURE * 10:.0f}", checked],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(0, done.returncode, done.stdout[-400:])


if __name__ == "__main__":
    unittest.main()
