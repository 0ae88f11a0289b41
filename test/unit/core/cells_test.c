/* Every cell of the table of an exchange's life, tried on a real core: what it says can happen does, and
 * nothing else. */
#include "rig.h"

#include "lifecycle.h"

enum { BOTH = FEP_INQUIRES | FEP_REVERSES, SITUATIONS = 4, VARIANTS = 3 };

static const char *const role_names[] = {"", "origin", "transit", "destination"};

static struct {
    struct rig rig;
    enum exchange_role role;
    uint64_t call, blocker_call; /* open submissions of m1 and of the one before it */
    uint32_t abilities;
} bench;

static const char *
target_of_role(void)
{
    return bench.role == ROLE_ORIGIN ? "P" : bench.role == ROLE_TRANSIT ? "B" : "lb";
}

static const char *
previous_of_role(void)
{
    return bench.role == ROLE_TRANSIT ? "A" : "P";
}

static enum exchange_state
look(void)
{
    enum exchange_state state = rig_state(&bench.rig, "m1", bench.role);
    return state != STATE_NONE ? state : rig_disk(&bench.rig, "m1", bench.role);
}

static void
arrive(const char *msgid, uint32_t attempt, uint32_t time_left_ms)
{
    if (bench.role == ROLE_ORIGIN)
        rig_request(&bench.rig, (struct rig_request){.msgid = msgid, .fresh = attempt > 1});
    else
        rig_update(&bench.rig, (struct rig_message){.from = previous_of_role(),
                                                    .msgid = msgid,
                                                    .attempt = attempt,
                                                    .time_left_ms = time_left_ms});
    const struct core_command *submit = rig_take(&bench.rig, CMD_SUBMIT);
    if (submit != NULL && submit->operation == CORE_OP_SUBMIT) {
        if (strcmp(msgid, "m1") == 0)
            bench.call = submit->reference;
        else
            bench.blocker_call = submit->reference;
    }
}

static void
outcome(enum exchange_state state, uint8_t reason, uint8_t refusal_class)
{
    rig_outcome(&bench.rig, (struct rig_message){.from = target_of_role(),
                                                 .msgid = "m1",
                                                 .state = (uint8_t)state,
                                                 .reason = reason,
                                                 .refusal_class = refusal_class});
}

static void
render_all(uint8_t ok)
{
    const struct core_command *render;
    while ((render = rig_take(&bench.rig, CMD_RENDER)) != NULL) {
        struct core_event event = {
            .type = EVENT_RENDERED, .from = "la", .reference = render->reference, .epoch = 1, .flag = ok};
        rig_step(&bench.rig, &event);
    }
}

static void
done(enum fep_kind kind, uint8_t refusal_class, uint16_t code)
{
    rig_done(&bench.rig, (struct rig_done){.call = bench.call,
                                           .kind = kind,
                                           .refusal_class = refusal_class,
                                           .code = code,
                                           .body = kind == FEP_ANSWERED ? "answer" : NULL});
}

static void
reverse(uint32_t attempt)
{
    if (bench.role == ROLE_ORIGIN)
        rig_request(&bench.rig, (struct rig_request){.msgid = "x1",
                                                     .infno = "2601",
                                                     .original = "m1",
                                                     .transaction_class = CLASS_REVERSAL});
    else
        rig_reversal(&bench.rig,
                     (struct rig_message){.from = previous_of_role(), .msgid = "m1", .attempt = attempt});
}

static void
down_or_up(bool up)
{
    if (bench.role == ROLE_DESTINATION && up)
        rig_host_up(&bench.rig, "lb", bench.rig.epoch, bench.abilities | FEP_CALLS_OUT, NULL, 0);
    else if (bench.role == ROLE_DESTINATION)
        rig_simple(&bench.rig, EVENT_HOST_DOWN, "lb");
    else
        rig_simple(&bench.rig, up ? EVENT_PEER_UP : EVENT_PEER_DOWN, target_of_role());
}

/* The mark is committed while the way is already down: not a byte has left. */
static void
mark_without_a_byte(void)
{
    bench.rig.manual_commit = 1;
    arrive("m1", 1, 0);
    down_or_up(false);
    bench.rig.manual_commit = 0;
    rig_commit(&bench.rig);
}

static void
begin(enum exchange_role role, unsigned situation)
{
    memset(&bench, 0, sizeof bench);
    bench.role = role;
    bench.abilities = situation == 1 ? FEP_REVERSES : situation == 3 ? FEP_INQUIRES : BOTH;
    if (role == ROLE_ORIGIN)
        rig_origin(&bench.rig);
    else if (role == ROLE_TRANSIT)
        rig_transit(&bench.rig);
    else
        rig_destination(&bench.rig, bench.abilities);
}

static void cure(bool declined);

static void
reach_at_destination(enum exchange_state state, unsigned situation)
{
    switch (state) {
    case STATE_DISPATCHED:
        if (situation == 2) {
            mark_without_a_byte();
        } else {
            arrive("m1", 1, situation == 1 ? 63500 : 0);
            if (situation == 3)
                done(FEP_REFUSED, FEP_REPEATABLE, 9001); /* between two sendings */
        }
        break;
    case STATE_UNKNOWN:
        arrive("m1", 1, 0);
        done(FEP_UNKNOWN, 0, 0);
        break;
    case STATE_REVERSING:
        arrive("m1", 1, 0);
        if (situation != 0)
            done(FEP_UNKNOWN, 0, 0);
        reverse(1);
        break;
    case STATE_STANDS:
        arrive("m1", 1, 0);
        done(FEP_UNKNOWN, 0, 0);
        reverse(1);
        cure(true);
        break;
    default: /* an ending */
        arrive("m1", 1, 0);
        done(state == STATE_ANSWERED ? FEP_ANSWERED : FEP_REFUSED, 0, 2301);
        if (situation != 0)
            rig_acked(&bench.rig, "P", "m1", ACKED_OUTCOME);
        if (state == STATE_REVERSED)
            reverse(2);
        break;
    }
}

static void
reach_elsewhere(enum exchange_state state, unsigned situation)
{
    if (state == STATE_SENT && situation == 1) {
        mark_without_a_byte();
        return;
    }
    arrive("m1", 1, 0);
    if (state == STATE_SENT)
        return;
    if (state == STATE_RELAYED) {
        rig_acked(&bench.rig, target_of_role(), "m1", ACKED_UPDATE);
    } else if (state == STATE_REVERSING) {
        reverse(1);
    } else {
        outcome(state, 0, situation == 2 ? FEP_FINAL : FEP_REPEATABLE);
        render_all(1);
        if (situation != 0)
            rig_acked(&bench.rig, previous_of_role(), "m1", ACKED_OUTCOME);
    }
}

/* Brings m1 into this state; false if the situation does not give it. */
static bool
reach(enum exchange_state state, unsigned situation)
{
    if (state == STATE_QUEUED) {
        arrive("b0", 1, 0);
        arrive("m1", 1, 0);
    } else if (state != STATE_NONE) {
        if (bench.role == ROLE_DESTINATION)
            reach_at_destination(state, situation);
        else
            reach_elsewhere(state, situation);
    }
    return look() == state;
}

/* The next call of one of these operations within ten minutes; 0 if there is none. */
static uint64_t
await_call(uint8_t *operation)
{
    for (int64_t waited = 0; waited < 600000; waited += 1000) {
        const struct core_command *submit = rig_take(&bench.rig, CMD_SUBMIT);
        if (submit != NULL) {
            *operation = submit->operation;
            return submit->reference;
        }
        rig_advance(&bench.rig, 1000);
    }
    return 0;
}

static void
found(uint64_t call, enum fep_finding finding)
{
    rig_done(&bench.rig, (struct rig_done){.call = call,
                                           .kind = FEP_ANSWERED,
                                           .finding = (uint8_t)finding,
                                           .body = finding == FEP_FOUND_POSTED ? "answer" : NULL});
}

static void
inquired(enum fep_finding finding)
{
    enum exchange_state before = look();
    for (int i = 0; i < 6 && look() == before; i++) {
        uint8_t operation = 0;
        uint64_t call = await_call(&operation);
        if (operation != CORE_OP_INQUIRE)
            return;
        found(call, finding);
    }
}

static void
cure(bool declined)
{
    for (int i = 0; i < 6 && look() == STATE_REVERSING; i++) {
        uint8_t operation = 0;
        uint64_t call = await_call(&operation);
        if (operation == CORE_OP_REVERSE && !declined)
            found(call, FEP_FOUND_REVERSED);
        else if (operation == CORE_OP_REVERSE)
            rig_done(&bench.rig, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2503});
        else if (operation == CORE_OP_INQUIRE)
            found(call, FEP_FOUND_POSTED);
        else if (operation == CORE_OP_UNDO && declined)
            rig_done(&bench.rig, (struct rig_done){.call = call, .kind = FEP_REFUSED, .code = 2403});
        else if (operation == CORE_OP_UNDO)
            rig_done(&bench.rig, (struct rig_done){.call = call, .kind = FEP_ANSWERED});
    }
}

static void
completed(enum fep_kind kind, uint8_t refusal_class)
{
    if (look() == STATE_REVERSING && rig_row(&bench.rig, "m1", bench.role)->record.cure != CURE_WAIT)
        return; /* no submission is open */
    done(kind, refusal_class, kind == FEP_REFUSED ? 2301 : 0);
    rig_advance(&bench.rig, 900);
}

static void
late(enum fep_kind kind)
{
    rig_done(&bench.rig, (struct rig_done){.call = bench.call,
                                           .kind = kind,
                                           .code = kind == FEP_REFUSED ? 2301 : 0,
                                           .body = kind == FEP_ANSWERED ? "answer" : NULL,
                                           .late = 1});
}

/* When nothing that was sent can arrive any more, and every call has come back without telling anything. */
static void
resolve(enum core_resolution resolution)
{
    enum exchange_state before = look();
    if (before == STATE_REVERSING && rig_row(&bench.rig, "m1", bench.role)->record.cure == CURE_WAIT)
        done(FEP_UNKNOWN, 0, 0);
    for (int i = 0; i < 200 && (before == STATE_UNKNOWN || before == STATE_REVERSING); i++) {
        const struct core_command *submit = rig_take(&bench.rig, CMD_SUBMIT);
        if (submit != NULL)
            found(submit->reference, FEP_FOUND_IN_PROGRESS);
        else
            rig_advance(&bench.rig, 1000);
    }
    struct core_event event = {
        .type = EVENT_RESOLVED, .header.key = rig_key("m1"), .flag = (uint8_t)resolution};
    if (resolution == RESOLVED_POSTED)
        event.body = slice_copy("answer", 6);
    rig_step(&bench.rig, &event);
    slice_release(&event.body);
}

static void
restart(void)
{
    rig_crash(&bench.rig);
    rig_parties_up(&bench.rig, 0);
    if (bench.role == ROLE_DESTINATION) {
        rig_simple(&bench.rig, EVENT_PEER_UP, "P");
        down_or_up(true);
    } else {
        down_or_up(true);
    }
    rig_advance(&bench.rig, 15000);
}

/* A new arrival, or the next attempt, in three circumstances: free; behind another of the person; no way that
 * is open. */
static void
arrive_as(uint32_t attempt, unsigned variant)
{
    if (variant == 1)
        arrive("b1", 1, 0);
    if (variant == 2)
        rig_simple(&bench.rig, EVENT_HOLD, target_of_role());
    arrive("m1", attempt, 0);
}

static void
promote(void)
{
    if (bench.role == ROLE_DESTINATION)
        rig_done(&bench.rig,
                 (struct rig_done){.call = bench.blocker_call, .kind = FEP_REFUSED, .code = 2301});
    else
        rig_acked(&bench.rig, target_of_role(), "b0", ACKED_UPDATE);
}

static void
reverse_as(unsigned variant)
{
    const struct route_rule nowhere = {.prefix = "99", .targets = {"nobody"}};
    if (variant == 2)
        rig_set_routes(&bench.rig, &nowhere, 1);
    reverse(variant == 0 ? 1 : 2);
}

static void
apply_outcome(enum cell_event event, unsigned variant)
{
    enum exchange_state ending = event == CELL_OUTCOME_ANSWERED   ? STATE_ANSWERED
                                 : event == CELL_OUTCOME_REFUSED  ? STATE_REFUSED
                                 : event == CELL_OUTCOME_REVERSED ? STATE_REVERSED
                                                                  : STATE_STANDS;
    outcome(ending, variant == 1 && ending == STATE_ANSWERED ? FEP_REASON_INCONSISTENT : 0, FEP_FINAL);
    render_all(1);
}

static void
apply(enum cell_event event, unsigned variant)
{
    switch (event) {
    case CELL_REQUEST:
    case CELL_UPDATE:
        arrive_as(1, variant);
        break;
    case CELL_NEXT_ATTEMPT:
        arrive_as(2, variant);
        break;
    case CELL_REVERSAL:
        reverse_as(variant);
        break;
    case CELL_ACKED:
        rig_acked(&bench.rig, target_of_role(), "m1", variant == 0 ? ACKED_UPDATE : ACKED_REVERSAL);
        break;
    case CELL_OUTCOME_ANSWERED:
    case CELL_OUTCOME_REFUSED:
    case CELL_OUTCOME_REVERSED:
    case CELL_OUTCOME_STANDS:
        apply_outcome(event, variant);
        break;
    case CELL_RENDER_FAILED:
        outcome(STATE_ANSWERED, 0, 0);
        render_all(0);
        break;
    case CELL_DEADLINE:
        rig_advance(&bench.rig, 81000);
        break;
    case CELL_ROUTES_DOWN:
        down_or_up(false);
        break;
    case CELL_PROMOTED:
        promote();
        break;
    case CELL_DONE_ANSWERED:
        completed(FEP_ANSWERED, 0);
        break;
    case CELL_DONE_REFUSED:
        completed(FEP_REFUSED, FEP_FINAL);
        break;
    case CELL_DONE_REPEATABLE:
        completed(FEP_REFUSED, FEP_REPEATABLE);
        break;
    case CELL_DONE_NOT_SENT:
        completed(FEP_NOT_SENT, 0);
        break;
    case CELL_DONE_UNKNOWN:
        completed(FEP_UNKNOWN, 0);
        break;
    case CELL_INQUIRED_POSTED:
        inquired(FEP_FOUND_POSTED);
        break;
    case CELL_INQUIRED_REFUSED:
        inquired(FEP_FOUND_REFUSED);
        break;
    case CELL_INQUIRED_UNDONE:
        inquired(FEP_FOUND_REVERSED);
        break;
    case CELL_INQUIRED_NOTHING:
        inquired(FEP_FOUND_NOTHING);
        break;
    case CELL_CURE_DONE:
        cure(false);
        break;
    case CELL_CURE_DECLINED:
        cure(true);
        break;
    case CELL_LATE_ANSWERED:
        late(FEP_ANSWERED);
        break;
    case CELL_LATE_REFUSED:
        late(FEP_REFUSED);
        break;
    case CELL_RESOLVED_POSTED:
        resolve(RESOLVED_POSTED);
        break;
    case CELL_RESOLVED_NOT_POSTED:
        resolve(RESOLVED_NOT_POSTED);
        break;
    case CELL_RESOLVED_UNDONE:
        resolve(RESOLVED_UNDONE);
        break;
    case CELL_RESOLVED_STANDS:
        resolve(RESOLVED_STANDS);
        break;
    case CELL_HOST_LOST:
        bench.rig.epoch++;
        down_or_up(true);
        break;
    case CELL_RESTART:
        restart();
        break;
    case CELL_COUNT:
        break;
    }
}

/* What was seen to happen, and that nothing else did. */
static uint32_t
try_cell(enum exchange_role role, enum exchange_state state, enum cell_event event)
{
    uint32_t seen = 0, cell = core_cell(role, state, event);
    bool tried = false;
    for (unsigned situation = 0; situation < SITUATIONS; situation++)
        for (unsigned variant = 0; variant < VARIANTS; variant++) {
            begin(role, situation);
            if (reach(state, situation)) {
                uint32_t attempt = state != STATE_NONE ? rig_row(&bench.rig, "m1", role)->record.attempt : 0;
                tried = true;
                apply(event, variant);
                enum exchange_state after = look();
                bool again =
                    after != STATE_NONE && rig_row(&bench.rig, "m1", role)->record.attempt != attempt;
                if (after != state || (again && event == CELL_NEXT_ATTEMPT))
                    seen |= STATE_BIT(after);
            }
            rig_finish(&bench.rig);
        }
    if (!tried)
        fail_msg("%s: no situation leads to %s", role_names[role], exchange_state_name(state));
    if (seen & ~cell)
        fail_msg("%s, %s, %s: went to %x, the table allows %x", role_names[role], exchange_state_name(state),
                 cell_event_name(event), seen, cell);
    return seen;
}

static void
every_cell_happens(void **state)
{
    (void)state;
    for (enum exchange_role role = ROLE_ORIGIN; role <= ROLE_DESTINATION; role++)
        for (int from = 0; from < STATE_COUNT; from++)
            for (int event = 0; event < CELL_COUNT; event++) {
                uint32_t cell = core_cell(role, (enum exchange_state)from, (enum cell_event)event);
                if (cell == CELL_NOT_POSSIBLE)
                    continue;
                uint32_t seen = try_cell(role, (enum exchange_state)from, (enum cell_event)event);
                if (seen != cell)
                    fail_msg("%s, %s, %s: the table allows %x, seen was %x", role_names[role],
                             exchange_state_name((enum exchange_state)from),
                             cell_event_name((enum cell_event)event), cell, seen);
            }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_cell_happens)};
    return cmocka_run_group_tests_name("core cells", tests, NULL, NULL);
}
