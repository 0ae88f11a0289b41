/* Test builds only (FEP_MUTATIONS): one rule of the hop protocol broken on purpose, so that the tests can show
 * that they would notice (test/sim/README.md). In every other build MUTATED is false and the compiler drops what
 * hangs on it; the programs that are installed do not compile with FEP_MUTATIONS, and nothing that they link defines
 * core_mutation. One thread. */
#ifndef FEP_MUTATION_H
#define FEP_MUTATION_H

/* Where it must be noticed: worlds of the simulator; those with the real store; those with restores; or a unit test's
 * program of this name (test/sim/meson.build). */
#define IN_WORLDS   "worlds"
#define IN_SQLITE   "worlds, real store"
#define IN_RESTORES "worlds, restores"

/* X(name, rule, the rule's name, where it is noticed, what is done wrong) */
#define CORE_MUTATIONS(X) \
    X(OTHER_CONTENT_TAKEN, 1, "key", IN_WORLDS, "takes other content under a caller's known serial for a copy") \
    X(PEERS_CONTENT_TAKEN, 1, "key", "core_rules_key", "takes other content under a peer's known key for a copy") \
    X(STRANGER_ANSWERED, 1, "key", "core_rules_key", "gives the answer to a neighbour that it does not come from") \
    X(STRANGER_REVERSES, 1, "key", "core_rules_key", "takes a reversal from a neighbour that it does not come from") \
    X(REFUSAL_RUNS_AGAIN, 2, "copy", IN_WORLDS, "runs a refused update again for an old copy of the request") \
    X(OUTCOME_OF_LOWER_ATTEMPT, 2, "copy", IN_WORLDS, "takes the outcome of a lower attempt") \
    X(LOWER_ATTEMPT_RUNS, 2, "copy", IN_WORLDS, "runs a copy of a lower attempt") \
    X(NEXT_AFTER_REVERSAL, 2, "copy", "core_holes", "begins the next attempt although a reversal is stored") \
    X(REFUSED_UNSTORED, 2, "copy", IN_WORLDS, "tells a refusal of which it keeps no record") \
    X(LOOP_TAKEN, 3, "loop", IN_WORLDS, "takes its own message from a peer") \
    X(CIRCLE_TAKEN, 3, "loop", IN_WORLDS, "takes what went round in a circle for a copy") \
    X(OLD_RUNS, 4, "horizon", IN_WORLDS, "runs an update of a day whose keys are forgotten") \
    X(BODY_GONE_UNSAID, 4, "horizon", "core_rules_key", "answers a repeat with words that it does not hold any more") \
    X(MARK_FORGOTTEN, 5, "mark", IN_WORLDS, "takes what was marked as sent for never sent after a restart") \
    X(CALL_FORGOTTEN, 5, "mark", IN_WORLDS, "takes what was dispatched for never dispatched after a restart") \
    X(ATTEMPT_NOT_COUNTED, 5, "mark", IN_WORLDS, "goes on after a withdrawal under the same attempt") \
    X(SERIAL_UNRELEASED, 6, "attempt record", IN_WORLDS, "uses serials whose release is not on disk") \
    X(SERIAL_UNMARKED, 6, "attempt record", IN_RESTORES, "draws serials that do not carry the incarnation") \
    X(TODAYS_ROUTE, 7, "path", IN_WORLDS, "sends the reversal by today's route") \
    X(RESENT_ELSEWHERE, 7, "path", IN_WORLDS, "sends the update once more by today's route") \
    X(NO_ROUTE_QUEUED, 8, "no route", IN_WORLDS, "queues what has no route that is up") \
    X(NO_ROUTE_WAITED, 8, "no route", IN_WORLDS, "lets what is queued wait for its deadline when its route goes down") \
    X(TIME_LEFT_WHOLE, 9, "time left", IN_WORLDS, "gives the whole time again at each hop and each sending") \
    X(DISPATCHED_LATE, 9, "time left", IN_WORLDS, "dispatches what has less than the call's time and 3 s left") \
    X(OVERDUE_REFUSED, 10, "deadline", IN_WORLDS, "tells refused at the deadline of what was sent") \
    X(ADOPTED_AFTER_REVERSAL, 10, "deadline", IN_WORLDS, "adopts an answer after the reversal's commit") \
    X(OVERDUE_LEFT, 10, "deadline", IN_WORLDS, "leaves what was sent as it is at the deadline") \
    X(ANSWERED_UNDONE, 11, "answered is answered", IN_WORLDS, "undoes an answered update when its caller repeats it") \
    X(KEPT_ON_THE_WAY, 11, "answered is answered", IN_WORLDS, "does not undo what is answered here and not at the origin") \
    X(UNSEEN_NOT_BLOCKED, 11, "answered is answered", IN_WORLDS, "tells a serial never seen as reversed and does not block it") \
    X(TOMBSTONE_FORGOTTEN, 12, "one reversal", IN_WORLDS, "answers for an original never seen and keeps no tombstone") \
    X(REVERSAL_ONCE, 12, "one reversal", IN_WORLDS, "offers a reversal once and not again") \
    X(LOWER_SPEAKS_FOR_HIGHER, 12, "one reversal", IN_WORLDS, "answers the reversal of an attempt with a lower one's refusal") \
    X(SECOND_CANCEL, 13, "ladder", IN_WORLDS, "sends a second cancel while the first is unknown") \
    X(CANCEL_IS_OURS, 13, "ladder", IN_WORLDS, "takes another update's cancel for its own") \
    X(DECLINED_AT_ONCE, 13, "ladder", IN_WORLDS, "believes a 2503 while another sending may still arrive") \
    X(CANCELLED_IS_REVERSED, 13, "ladder", IN_WORLDS, "tells reversed what another update cancelled") \
    X(CURES_AT_ONCE, 13, "ladder", IN_WORLDS, "undoes an earlier update of a person before a later one") \
    X(REPEAT_AFTER_UNKNOWN, 14, "evidence", IN_WORLDS, "submits again after an unknown, and takes an error for the original's") \
    X(COPYS_ERROR_BELIEVED, 14, "evidence", "core_rules_time", "takes the error that a copy got for the original's") \
    X(UNKNOWN_IS_REFUSED, 14, "evidence", IN_WORLDS, "takes a call without an answer for refused") \
    X(NOTHING_BELIEVED, 14, "evidence", IN_WORLDS, "believes an inquiry's 0 at once") \
    X(REVERSAL_AT_BOUND, 15, "always admitted", IN_WORLDS, "declines a reversal while the disk is full") \
    X(OUTCOME_AT_BOUND, 15, "always admitted", IN_WORLDS, "drops an outcome while the disk is full") \
    X(UNRENDERED_TOLD, 16, "inconsistent answers", IN_WORLDS, "commits an answer that can not be put into words") \
    X(ORDER_IGNORED, 17, "order key", IN_WORLDS, "dispatches the updates of a person side by side") \
    X(NEXT_UNACKNOWLEDGED, 17, "order key", "core_rules_order", "sends the next one of a person before the last one is acknowledged") \
    X(CLARIFYING_IGNORED, 18, "clarifying", IN_WORLDS, "goes on with a person whose earlier update is unknown") \
    X(CLARIFYING_QUEUED, 18, "clarifying", "core_rules_order", "takes in an update of a person who is being clarified") \
    X(ACK_BEFORE_COMMIT, 19, "commit, then acknowledge", IN_WORLDS, "acknowledges before the commit") \
    X(SPEAK_BEFORE_COMMIT, 19, "commit, then acknowledge", IN_WORLDS, "speaks while a commit is outstanding") \
    X(OUTCOME_ONCE, 19, "commit, then acknowledge", "core_rules_order", "offers an outcome once and not again") \
    X(EPOCH_IGNORED, 20, "epoch", IN_WORLDS, "offers to a new host what an older one was asked") \
    X(OLD_EPOCH_COUNTS, 20, "epoch", "core_rules_order", "takes what a host of an older epoch says") \
    X(LATE_ADOPTED, 21, "late", IN_WORLDS, "adopts a late answer after the reversal was committed") \
    X(MOVED_UNCOMMITTED, 22, "move", IN_SQLITE, "deletes from the queue what no journal has committed") \
    X(OLDER_LET_IN, 23, "forks", "link_session", "lets a peer of an older incarnation in") \
    X(FORGETFUL_LET_IN, 23, "forks", "link_session", "lets a peer in that comes with less than it acknowledged") \
    X(POSTS_UNRESOLVED, 23, "forks", IN_RESTORES, "posts although the local system's details were not compared") \
    X(QUEUE_BELIEVED, 23, "forks", IN_RESTORES, "takes what the backup has as queued for never sent") \
    X(SEALED_HOPS, 24, "seal", IN_WORLDS, "writes the hops left into what is sealed") \
    X(INQUIRY_FORWARDED, 25, "query", IN_WORLDS, "forwards an inquiry about an exchange of its own") \
    X(TOKEN_REPEATABLE, 25, "query", "core_rules_order", "lets a query be repeated whose token is good for one use") \
    X(ANSWERS_INDEX_LOST, 26, "index", IN_WORLDS, "does not store the index of the answer") \
    X(ANSWERS_PERSON, 26, "index", IN_WORLDS, "takes the order key of the answer for the person's") \
    X(INDEX_UNSTORED, 26, "index", IN_SQLITE, "writes no fund into the row of the store")

enum core_mutation {
    MUTATION_NONE = 0,
#define FEP_MUTATION_NAME(name, number, rule, place, what) MUTATION_##name,
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
