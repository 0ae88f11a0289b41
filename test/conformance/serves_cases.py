"""What every module that serves a local system must do (`FEP_SERVES_IN`): its callers are told the truth, once."""

from bench import ANSWERED, NOT_SENT, REFUSED, SUBMIT, UNKNOWN, expect
from kit_trial import Trial, case

ACK_PAUSE_S = 3.0  # longer than the host waits before it offers again
BOUND = 2210       # a code of the gateway's own: too much is open
REPEATABLE = 1


def take_request(trial: Trial) -> dict:
    """Return the next REQUEST, acknowledged."""
    request = trial.take_request()
    trial.bench.acknowledge(request)
    return request


def tell(trial: Trial, request: dict, **result: object) -> None:
    """Tell how a request ended; answered unless it is said otherwise."""
    fields = {"kind": ANSWERED, "effect": 1, **result}
    more = {"body": trial.profile.answer_body(request)} if fields["kind"] == ANSWERED else {"text": "kit"}
    trial.bench.send("tell", sequence=request["sequence"], result=fields, **more)


def ask_well(trial: Trial) -> None:
    """A request passes and its caller is told good: nothing is broken."""
    trial.begin_call()
    request = take_request(trial)
    trial.bench.send("render", sequence=request["sequence"], result={"kind": ANSWERED, "effect": 1},
                     body=trial.profile.answer_body(request))
    rendered = trial.bench.take("rendered", sequence=request["sequence"])
    expect(rendered["ok"] == 1, f"a good answer can not be told: {rendered.get('text')}")
    tell(trial, request)
    end = trial.end_call()
    expect(end["told"] == "good", f"the caller was told {end}")


@case
def a_caller_is_told_the_answer(trial: Trial) -> None:
    """Request, check of the answer, answer."""
    trial.start()
    ask_well(trial)
    ask_well(trial)


@case
def a_slow_store_is_waited_for(trial: Trial) -> None:
    """The router acknowledges late: the same request is offered again, the caller is told once."""
    trial.start()
    trial.begin_call()
    first = trial.take_request()
    again = trial.take_request(ACK_PAUSE_S + 2)
    expect((first["sequence"], first["header"], first.get("body")) ==
           (again["sequence"], again["header"], again.get("body")), f"not the same: {first} {again}")
    trial.bench.acknowledge(again)
    tell(trial, again)
    end = trial.end_call()
    expect(end["told"] == "good", f"the caller was told {end}")
    trial.bench.send("tell", sequence=again["sequence"], result={"kind": REFUSED, "code": 2301})
    ask_well(trial)


@case
def at_a_bound_the_caller_hears_a_refusal(trial: Trial) -> None:
    """The router has no room: the caller must not take it for done, and the next one is served."""
    trial.start()
    trial.begin_call()
    tell(trial, take_request(trial), kind=REFUSED, effect=0, refusal_class=REPEATABLE, code=BOUND)
    end = trial.end_call()
    expect(end["told"] in ("refused", "not_sent", "blocked"), f"the caller was told {end}")
    ask_well(trial)


@case
def an_open_outcome_is_not_told_as_an_end(trial: Trial) -> None:
    """Not known yet is neither good nor refused."""
    trial.start()
    trial.begin_call()
    tell(trial, take_request(trial), kind=UNKNOWN, effect=0)
    end = trial.end_call()
    expect(end["told"] in ("unknown", "none"), f"the caller was told {end}")


@case
def a_caller_that_goes_away_disturbs_nobody(trial: Trial) -> None:
    """It hangs up while its request is worked on; the answer comes for nobody."""
    trial.start()
    trial.begin_call()
    request = take_request(trial)
    trial.proxy.hang_up()
    tell(trial, request)
    trial.end_call()
    ask_well(trial)


@case
def half_a_request_is_none(trial: Trial) -> None:
    """The caller's connection breaks in the middle: nothing reaches the router, and the caller is not told good."""
    trial.start()
    ask_well(trial)
    trial.proxy.next("cut")
    trial.begin_call()
    end = trial.end_call()
    expect(trial.proxy.done == 1, "nothing was cut")
    expect(end["told"] != "good", f"the caller was told {end}")
    expect(trial.ours() is None, "half a request was taken")
    ask_well(trial)


@case
def garbage_and_too_much_are_no_requests(trial: Trial) -> None:
    """Bytes that are no request, and a request without an end."""
    trial.start()
    for data in (trial.profile.raw_garbage(), trial.profile.raw_oversize()):
        trial.raw(data)
        trial.bench.nothing("request", 0.5, "it was taken for a request")
    ask_well(trial)


@case
def an_instance_that_only_serves_sends_nothing(trial: Trial) -> None:
    """A route that leads to it by mistake: not sent, or refused."""
    trial.start()
    if trial.profile.asks:
        return
    done = trial.bench.take("done", sequence=trial.submit(trial.profile.stray(), SUBMIT))
    expect(done["result"]["kind"] in (NOT_SENT, REFUSED), f"it ended as {done['result']}")


@case
def drain_with_a_caller_waiting(trial: Trial) -> None:
    """Who was taken is told; then an end in order."""
    trial.start()
    trial.begin_call()
    request = take_request(trial)
    trial.bench.send("drain")
    tell(trial, request)
    end = trial.end_call()
    expect(end["told"] == "good", f"the caller was told {end}")
    code = trial.bench.wait_exit(40)
    expect(code == 0, f"the host ended with {code}")


@case
def killed_while_a_caller_waits(trial: Trial) -> None:
    """The caller hears nothing, neither good nor refused; the next process serves."""
    trial.start()
    trial.begin_call()
    take_request(trial)
    trial.bench.kill_host()
    trial.restart(wait_calls=False)
    end = trial.end_call()
    expect(end["told"] in ("unknown", "none", "not_sent"), f"the caller was told {end}")
    ask_well(trial)
