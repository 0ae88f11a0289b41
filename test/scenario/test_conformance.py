"""The conformance kit can fail: modules that do what they must not fail the items that say so, and no others."""

import os
import pathlib
import subprocess
import unittest

SOURCE = pathlib.Path(os.environ.get("FEP_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
KIT = SOURCE / "test" / "conformance"
ABORTED = "no call was completed twice and no process aborted, in the whole run"


def run_kit(trouble: str, *cases: str) -> dict[str, tuple[bool, str]]:
    """Run cases over the troublesome module; return each item's verdict and what was said about it."""
    done = subprocess.run([KIT / "kit.py", KIT / "profiles" / "trouble.py", *cases], capture_output=True, text=True,
                          timeout=240, check=False, env={**os.environ, "FEP_TROUBLE": trouble})
    items: dict[str, tuple[bool, str]] = {}
    name = ""
    for line in done.stdout.splitlines():
        if line.startswith(("ok ", "not ok ")):
            name = line.split(" - ", 1)[1]
            items[name] = (line.startswith("ok"), "")
        elif name:
            items[name] = (items[name][0], items[name][1] + line + "\n")
    bad = any(not good for good, _ in items.values())
    if not items or done.returncode != (1 if bad else 0):
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}{done.stderr}")
    return items


class TheKitCanFail(unittest.TestCase):
    """Each trouble is found where it belongs."""

    def failed(self, items: dict[str, tuple[bool, str]], name: str, *words: str) -> None:
        """This item failed, and what was said holds these words."""
        self.assertIn(name, items)
        good, said = items[name]
        self.assertFalse(good, name)
        for word in words:
            self.assertIn(word, said)

    def test_a_second_completion_is_caught(self) -> None:
        items = run_kit("twice", "cancel_before_and_after_changes_nothing")
        self.failed(items, "cancel before and after changes nothing", "-6")
        self.failed(items, ABORTED, "signal 6", "completed a call a second time")

    def test_a_second_completion_long_after_is_caught(self) -> None:
        items = run_kit("twice_later", "cancel_before_and_after_changes_nothing")
        self.failed(items, ABORTED, "completed a call a second time")

    def test_a_module_that_hangs_is_caught_at_the_deadline(self) -> None:
        items = run_kit("hang", "deadline_ends_a_call_as_unknown_and_in_time")
        self.failed(items, "deadline ends a call as unknown and in time", "a done comes")

    def test_a_module_that_ends_calls_before_their_time_is_caught(self) -> None:
        items = run_kit("late", "deadline_ends_a_call_as_unknown_and_in_time", "update_and_query_are_answered")
        self.failed(items, "deadline ends a call as unknown and in time", "before its time")
        self.failed(items, "update and query are answered", "ended as unknown")

    def test_a_module_that_does_not_open_or_start_is_caught(self) -> None:
        for mode in ("closed", "unready"):
            with self.subTest(mode):
                items = run_kit(mode, "update_and_query_are_answered")
                self.failed(items, "update and query are answered", "the host ended with 111")

    def test_a_crash_is_told_as_one(self) -> None:
        items = run_kit("crash", "update_and_query_are_answered")
        self.failed(items, ABORTED, "signal")

    def test_what_the_option_table_lacks_is_found(self) -> None:
        items = run_kit("closed")
        self.failed(items, "selftest: the option table is well made", "a help text is missing")
        self.failed(items, "selftest: opens and closes fifty times and keeps nothing", "does not open")
        self.assertTrue(items["selftest: refused with a newer major version"][0])


if __name__ == "__main__":
    unittest.main()
