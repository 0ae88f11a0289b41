"""The report's generator on sample lines."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import report  # noqa: E402

SAMPLE = """some words before
summary what=sim store=memory seed=1 seconds=60.0 worlds=10 updates=100 exchanges=3000 failed=0 fault.message_lost=7
summary what=sim store=sqlite seed=9 seconds=30.0 worlds=1 updates=10 exchanges=500 failed=1 fault.message_lost=2
crash_images=10000 faults=200 damage=30 failed=0 seconds=77
kills=40 freezes=5 cuts=6 disk_full=1 clock_steps=2 updates=9000 seconds=3600 failed=0
not=a summary line
"""


class Report(unittest.TestCase):
    """Reading, keeping, and the page."""

    def test_reads_summary_lines_only(self) -> None:
        runs = report.read_runs(SAMPLE)
        self.assertEqual([run["what"] for run in runs], ["sim", "sim", "store", "kills"])

    def test_kept_runs_say_where_they_ran(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            self.assertEqual(report.keep(SAMPLE, directory), 4)
            runs = report.read_runs((directory / "sim.txt").read_text(encoding="utf-8"))
        self.assertEqual(len(runs), 2)
        for run in runs:
            self.assertTrue(run["commit"] and run["machine"] and run["when"])

    def test_page_adds_up(self) -> None:
        page = report.make_page(report.read_runs(SAMPLE), [])
        self.assertIn("| memory | 10 | 100 | 3,000 | 3,000 | 0 |", page)
        self.assertIn("| sqlite | 1 | 10 | 500 | 1,000 | 1 |", page)
        self.assertIn("| message lost | 9 |", page)
        self.assertIn("| crash images opened | 10,000 |", page)
        self.assertIn("| processes killed | 40 |", page)

    def test_what_was_mended_comes_from_the_pages(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / "README.md"
            path.write_text("# A\n\n## What it found\n\n| a | b |\n| --- | --- |\n| hole | closed |\n\n## More\nno\n",
                            encoding="utf-8")
            page = report.make_page([], [path])
        self.assertIn("| hole | closed |", page)
        self.assertNotIn("no\n\n## The runs", page)


if __name__ == "__main__":
    unittest.main()
