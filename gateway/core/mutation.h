/* Test builds only (FEP_MUTATIONS): one rule of the hop protocol broken on purpose, so that the simulator can show
 * that it would notice (test/sim). In every other build MUTATED is false and the compiler drops what hangs on
 * it. One thread. */
#ifndef FEP_MUTATION_H
#define FEP_MUTATION_H

/* X(name, rule, what is done wrong) */
#define CORE_MUTATIONS(X) \
    X(ACK_BEFORE_COMMIT, "19 commit, then acknowledge", "acknowledges before the commit") \
    X(SPEAK_BEFORE_COMMIT, "19 commit, then acknowledge", "speaks while a commit is outstanding") \
    X(TOMBSTONE_FORGOTTEN, "12 one reversal", "answers for an original never seen and keeps no tombstone") \
    X(MARK_FORGOTTEN, "5 mark", "takes what was marked as sent for never sent after a restart") \
    X(REFUSAL_RUNS_AGAIN, "2 copy", "runs a refused update again for an old copy of the request") \
    X(OUTCOME_OF_LOWER_ATTEMPT, "2 copy", "takes the outcome of a lower attempt") \
    X(LOOP_TAKEN, "3 loop", "takes its own message from a peer") \
    X(TODAYS_ROUTE, "7 path", "sends the reversal by today's route") \
    X(ANSWERED_UNDONE, "11 answered is answered", "undoes an answered update when its caller repeats it") \
    X(REVERSAL_AT_BOUND, "15 always admitted", "declines a reversal while the disk is full") \
    X(REPEAT_AFTER_UNKNOWN, "14 evidence", "submits again after an unknown, and takes an error for the original's") \
    X(LATE_ADOPTED, "21 late", "adopts a late answer after the reversal was committed") \
    X(SECOND_CANCEL, "13 ladder", "sends a second cancel while the first is unknown") \
    X(CANCEL_IS_OURS, "13 ladder", "takes another update's cancel for its own") \
    X(DECLINED_AT_ONCE, "13 ladder", "believes a 2503 while another sending may still arrive") \
    X(ORDER_IGNORED, "17 order key", "dispatches the updates of a person side by side") \
    X(CLARIFYING_IGNORED, "18 clarifying", "goes on with a person whose earlier update is unknown") \
    X(UNRENDERED_TOLD, "16 inconsistent answers", "commits an answer that can not be put into words") \
    X(EPOCH_IGNORED, "20 epoch", "offers to a new host what an older one was asked") \
    X(NOTHING_BELIEVED, "14 evidence", "believes an inquiry's 0 at once") \
    X(SERIAL_UNRELEASED, "6 attempt record", "uses serials whose release is not on disk") \
    X(REVERSAL_ONCE, "12 one reversal", "offers a reversal once and not again") \
    X(CANCELLED_IS_REVERSED, "13 ladder", "tells reversed what another update cancelled")

enum core_mutation {
    MUTATION_NONE = 0,
#define FEP_MUTATION_NAME(name, rule, what) MUTATION_##name,
    CORE_MUTATIONS(FEP_MUTATION_NAME)
#undef FEP_MUTATION_NAME
        MUTATION_COUNT
};

#ifdef FEP_MUTATIONS
extern enum core_mutation core_mutation;
#define MUTATED(name) (core_mutation == MUTATION_##name)
#else
#define MUTATED(name) 0
#endif

#endif
