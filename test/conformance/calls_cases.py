"""What every module that is asked must do (`FEP_CALLS_OUT`). Each case has a host of its own."""

import time

from bench import (ANSWERED, INQUIRE, KINDS, NOT_SENT, QUERY, REFUSED, REVERSE, STOPPING, SUBMIT, UNKNOWN, UP, Broken,
                   expect)
from kit_trial import LeftOut, Trial, case

GRACE_S = 5.0
FEP_CALLS_OUT, FEP_INQUIRES, FEP_REVERSES = 1, 4, 8
NOTHING, POSTED, REVERSED, CANCELLED, NEVER_ARRIVED = 0, 1, 4, 5, 6


def kind_of(done: dict) -> int:
    """Return how a call ended."""
    return done["result"]["kind"]


def told(done: dict) -> str:
    """Return how a call ended, in words."""
    result = done["result"]
    return f"{KINDS.get(result['kind'], result['kind'])} (code {result['code']}, reason {result['reason']}) " \
           f"{done.get('text', '')}"


def good(trial: Trial, done: dict) -> None:
    """The call ended as a good request of this module does."""
    expect(kind_of(done) == trial.profile.good_kind, f"a good request ended as {told(done)}")


def one_good_call(trial: Trial, seconds: float | None = None) -> dict:
    """Put requests until one is answered; those before it must be told as not sent: the module is still connecting."""
    trial.bench.wait("a good request is answered again", lambda: _try_once(trial),
                     trial.profile.deaf_seconds if seconds is None else seconds)
    return trial.last_done


def _try_once(trial: Trial) -> bool:
    done = trial.bench.take("done", sequence=trial.submit(), seconds=15)
    trial.bench.acknowledge(done)
    trial.last_done = done
    if kind_of(done) == NOT_SENT:
        return False
    good(trial, done)
    return True


@case
def other_abi_versions_are_refused_by_the_real_host(trial: Trial) -> None:
    """Copies of the module whose descriptor says another version or is none: the host ends before it is ready."""
    for name, change in (("major", (4, b"\x02\x00")), ("minor", (6, b"\x7f\x00")), ("magic", (0, b"XXXX"))):
        trial.start(module=trial.patched_module(name, *change), wait_ready=False)
        code = trial.bench.wait_exit()
        expect(code in (100, 111), f"{name}: the host ended with {code}")
        expect(trial.bench.find(lambda frame: frame["frame"] == "host_hello") is None, f"{name}: it was introduced")
        trial.bench.host = None


@case
def start_against_a_dead_system(trial: Trial) -> None:
    """Nothing is sent while nobody is there, and it works as soon as somebody is, without a restart."""
    trial.need_peer()
    trial.start(peer=False, wait_ready=False)
    trial.bench.take("host_hello")
    done = trial.bench.take("done", sequence=trial.submit(seconds=3.0), seconds=3.0 + GRACE_S)
    expect(kind_of(done) == NOT_SENT, f"with nobody there a request ended as {told(done)}")
    trial.bench.acknowledge(done)
    trial.open_peer()
    one_good_call(trial, 60)


@case
def update_and_query_are_answered(trial: Trial) -> None:
    """A good request has its answer, with a body in canonical form."""
    trial.start()
    for request, operation in ((trial.profile.update(), SUBMIT), (trial.profile.query(), QUERY)):
        if request is not None:
            done = trial.bench.take("done", sequence=trial.submit(request, operation))
            good(trial, done)
            expect(kind_of(done) != ANSWERED or done.get("body", "").startswith("{"), f"no JSON body: {done}")
            expect(kind_of(done) != ANSWERED or not request.posts or done["result"]["effect"] == 1,
                   "an answered update has no effect")
            trial.bench.acknowledge(done)


@case
def one_call_is_done_once_however_often_it_is_offered(trial: Trial) -> None:
    """The same SUBMIT again, while it is open and after its end: the same DONE, and nothing goes out twice."""
    trial.start()
    request = trial.profile.update()
    number = trial.submit(request)
    trial.submit(request, number=number)
    first = trial.bench.take("done", sequence=number)
    requests = trial.requests_seen()
    trial.submit(request, number=number)
    again = trial.bench.take("done", sequence=number)
    expect(first["result"] == again["result"] and first.get("body") == again.get("body"),
           f"the same call ended as {told(first)} and as {told(again)}")
    expect(trial.requests_seen() == requests, "the repeat went to the local system")
    trial.bench.acknowledge(again)


@case
def what_cannot_be_put_into_its_terms_is_not_sent(trial: Trial) -> None:
    """A body that the mapping cannot take never reaches the local system."""
    request = trial.profile.stranger()
    if request is None:
        raise LeftOut("bodies pass through as they are")
    trial.start()
    before = trial.requests_seen()
    done = trial.bench.take("done", sequence=trial.submit(request))
    expect(kind_of(done) in (NOT_SENT, REFUSED), f"it ended as {told(done)}")
    expect(trial.requests_seen() == before, "it went to the local system")


@case
def cancel_before_and_after_changes_nothing(trial: Trial) -> None:
    """A cancel of a call that is not there, or no more."""
    trial.start()
    trial.bench.send("cancel", sequence=999)
    number = trial.submit()
    done = trial.bench.take("done", sequence=number)
    good(trial, done)
    trial.bench.send("cancel", sequence=number)
    trial.bench.acknowledge(done)
    trial.bench.send("cancel", sequence=number)
    one_good_call(trial)


@case
def cancel_during_a_call_is_never_told_as_not_sent(trial: Trial) -> None:
    """The request is with the other side: unknown, or the answer that comes after all."""
    trial.start_slow()
    number = trial.submit(seconds=30)
    trial.wait_sent()
    trial.bench.send("cancel", sequence=number)
    trial.bench.send("cancel", sequence=number)
    try:
        done = trial.bench.take("done", sequence=number, seconds=2)
        expect(kind_of(done) in ((UNKNOWN,) if trial.with_peer else (ANSWERED, UNKNOWN)), f"it ended as {told(done)}")
        trial.release()
    except Broken:
        if trial.bench.dones.get(number):
            raise
        trial.release()
        done = trial.bench.take("done", sequence=number)
        expect(kind_of(done) in (ANSWERED, UNKNOWN), f"it ended as {told(done)}")
    trial.bench.acknowledge(done)
    one_good_call(trial)
    expect(len(trial.bench.dones[number]) == 1, "it ended twice")


@case
def deadline_ends_a_call_as_unknown_and_in_time(trial: Trial) -> None:
    """No answer in time: unknown, before the host counts the module as hung. What comes late is no second end."""
    trial.start_slow()
    begun = time.monotonic()
    number = trial.submit(seconds=1.0)
    trial.wait_sent()
    done = trial.bench.take("done", sequence=number, seconds=1.0 + GRACE_S)
    expect(time.monotonic() - begun > 0.8, f"it ended before its time, as {told(done)}")
    expect(kind_of(done) == UNKNOWN, f"it ended as {told(done)}")
    trial.bench.acknowledge(done)
    trial.release()
    one_good_call(trial)
    expect(len(trial.bench.dones[number]) == 1, "it ended twice")


@case
def an_answer_too_late_is_not_taken_for_the_next_ones(trial: Trial) -> None:
    """The answer to a call that is over comes while the next one waits: each has its own or none."""
    trial.need_peer()
    trial.start_slow()
    late = trial.submit(seconds=1.0)
    trial.wait_sent()
    trial.bench.acknowledge(trial.bench.take("done", sequence=late, seconds=1.0 + GRACE_S))
    following = trial.submit(seconds=15)
    trial.release()
    done = trial.bench.take("done", sequence=following)
    if kind_of(done) == NOT_SENT:
        done = one_good_call(trial)
    good(trial, done)
    first, second = done, one_good_call(trial)
    expect(first.get("body") != second.get("body"), "two requests have one answer")


def _damaged(trial: Trial, plan: str, kinds: tuple[int, ...], change=bytes) -> dict:
    trial.need_peer()
    trial.start()
    good(trial, trial.bench.take("done", sequence=trial.submit()))
    trial.proxy.next(plan, change)
    number = trial.submit(seconds=5)
    done = trial.bench.take("done", sequence=number, seconds=5 + GRACE_S)
    expect(trial.proxy.done == 1, "nothing was damaged")
    expect(kind_of(done) in kinds, f"it ended as {told(done)}")
    trial.bench.acknowledge(done)
    trial.release()
    one_good_call(trial)
    expect(len(trial.bench.dones[number]) == 1, "it ended twice")
    return done


@case
def other_side_resets_the_connection(trial: Trial) -> None:
    """It has read the request: unknown."""
    _damaged(trial, "reset", (UNKNOWN,))


@case
def other_side_answers_half(trial: Trial) -> None:
    """Half an answer is none: unknown."""
    _damaged(trial, "half", (UNKNOWN,))


@case
def other_side_answers_twice(trial: Trial) -> None:
    """The first one counts, or none; the second is nobody's."""
    _damaged(trial, "twice", (ANSWERED, UNKNOWN))


@case
def other_side_answers_more_than_allowed(trial: Trial) -> None:
    """Not read to the end, and not believed: unknown."""
    _damaged(trial, "change", (UNKNOWN,), trial.profile.oversize)


@case
def other_side_answers_in_a_bad_charset(trial: Trial) -> None:
    """Bytes that are no characters never end the process; the answer is unknown, or said to be damaged."""
    _damaged(trial, "change", (ANSWERED, UNKNOWN), trial.profile.bad_charset)


@case
def the_window_is_respected(trial: Trial) -> None:
    """One call more than the window: it is not sent, the others are answered."""
    trial.start_slow()
    window = trial.profile.window
    numbers = [trial.submit(seconds=40) for _ in range(window + 1)]
    done = trial.bench.take("done", seconds=10)
    expect(done["sequence"] == numbers[-1] and kind_of(done) == NOT_SENT,
           f"call {done['sequence']} of {numbers} ended as {told(done)}")
    trial.release()
    for number in numbers[:-1]:
        good(trial, trial.bench.take("done", sequence=number))


@case
def drain_with_calls_open(trial: Trial) -> None:
    """Nothing new, what is open has its answer, then an end in order."""
    trial.start_slow()
    number = trial.submit(seconds=40)
    trial.wait_sent()
    trial.bench.send("drain")
    trial.bench.wait("health says stopping", lambda: _state(trial) == STOPPING)
    new = trial.bench.take("done", sequence=trial.submit(), seconds=10)
    expect(kind_of(new) == NOT_SENT, f"a new call ended as {told(new)}")
    trial.bench.acknowledge(new)
    trial.release()
    done = trial.bench.take("done", sequence=number)
    good(trial, done)
    trial.bench.acknowledge(done)
    trial.bench.take("bye", seconds=30)
    code = trial.bench.wait_exit()
    expect(code == 0, f"the host ended with {code}")


def _state(trial: Trial) -> int:
    return trial.bench.health.get("result", {}).get("state", 0)


def _after_kill(trial: Trial, request, serial: int, findings: tuple[int, ...]) -> None:
    """The next process knows of nothing open; inquiry and reversal tell the truth about the serial."""
    hello = trial.restart()
    expect(not hello.get("calls"), f"a new process says it holds calls: {hello['calls']}")
    for ability, operation in ((FEP_INQUIRES, INQUIRE), (FEP_REVERSES, REVERSE)):
        if hello["abilities"] & ability:
            done = trial.ask_about(request, serial, operation)
            expect(kind_of(done) in (ANSWERED, UNKNOWN, REFUSED),
                   f"operation {operation} on the killed one's serial ended as {told(done)}")
            expect(kind_of(done) != ANSWERED or done["result"]["finding"] in findings,
                   f"operation {operation} found {done['result']['finding']}; it may find {findings}")
    one_good_call(trial)


@case
def killed_before_the_write(trial: Trial) -> None:
    """SUBMIT lies in the host's socket and the process dies: nothing was posted."""
    trial.start()
    one_good_call(trial)
    trial.freeze()
    request, serial = trial.profile.update(), trial.next_serial()
    trial.submit(request, serial=serial)
    trial.bench.kill_host()
    _after_kill(trial, request, serial, (NOTHING, NEVER_ARRIVED))


@case
def killed_in_the_write(trial: Trial) -> None:
    """Half the request has left when the process dies."""
    trial.need_peer()
    trial.start()
    one_good_call(trial)
    trial.proxy.next("part")
    request, serial = trial.profile.update(), trial.next_serial()
    trial.submit(request, serial=serial)
    trial.bench.wait("half a request is with the other side", lambda: trial.proxy.done == 1)
    trial.bench.kill_host()
    trial.proxy.hang_up()
    _after_kill(trial, request, serial, (NOTHING, NEVER_ARRIVED))


@case
def killed_after_the_write(trial: Trial) -> None:
    """The other side has posted and the process dies before it has read the answer."""
    trial.need_peer()
    trial.start()
    one_good_call(trial)
    trial.proxy.next("hold")
    answers = trial.proxy.answers
    request, serial = trial.profile.update(), trial.next_serial()
    trial.submit(request, serial=serial)
    trial.bench.wait("the other side has answered", lambda: trial.proxy.answers > answers)
    trial.bench.kill_host()
    trial.proxy.hang_up()
    trial.release()
    _after_kill(trial, request, serial, (POSTED, REVERSED, CANCELLED))


@case
def health_goes_down_and_comes_back(trial: Trial) -> None:
    """Up when ready; not up when the local system has gone; up again when it is back."""
    trial.start()
    trial.bench.wait("health says up", lambda: _state(trial) == UP)
    if not trial.profile.has_peer:
        return
    good(trial, trial.bench.take("done", sequence=trial.submit()))
    trial.proxy.close()
    for _ in range(4):
        done = trial.bench.take("done", sequence=trial.submit(seconds=2), seconds=2 + GRACE_S)
        expect(kind_of(done) in (NOT_SENT, UNKNOWN), f"with nobody there a call ended as {told(done)}")
        trial.bench.acknowledge(done)
    trial.bench.wait("health says that it is not up", lambda: _state(trial) not in (0, UP), 20)
    trial.proxy.open()
    one_good_call(trial, 60)
    trial.bench.wait("health says up again", lambda: _state(trial) == UP, 20)


@case
def reload_of_the_mapping_does_not_disturb_calls(trial: Trial) -> None:
    """The crosswalk is read again while a call is open; the call has its answer."""
    if not trial.profile.mapping:
        raise LeftOut("there is no mapping to read again")
    trial.start_slow()
    number = trial.submit(seconds=40)
    trial.wait_sent()
    trial.bench.send("task", sequence=77, body='{"do":"reload"}')
    result = trial.bench.take("task_result", sequence=77)
    expect(result["ok"] == 1, f"it is not read again: {result.get('body')} {result.get('text')}")
    trial.release()
    good(trial, trial.bench.take("done", sequence=number))
    one_good_call(trial)
