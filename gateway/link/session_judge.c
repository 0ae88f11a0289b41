/* Whether a peer may have a session: versions, name, forks. Pure. Must never let a peer in that comes with
 * less than it once told (rule 23): its missing commits may be settlements, and whoever holds them would be
 * contradicted.
 */
#include <string.h>

#include "error.h"
#include "mutation.h"
#include "session.h"

#define NUMBER(n) ((unsigned long long)(n))

static enum session_verdict
judge_theirs(const struct frame_hello *theirs, const struct session_marks *marks, struct fep_error *error)
{
    if (theirs->incarnation < marks->their_incarnation && !MUTATED(OLDER_LET_IN)) {
        error_set(error, 0, FEP_E_PEER_FORK,
                  "node %s comes with incarnation %llu; it was seen with %llu before", theirs->node,
                  NUMBER(theirs->incarnation), NUMBER(marks->their_incarnation));
        return SESSION_FORK_THEIRS;
    }
    if (theirs->incarnation == marks->their_incarnation &&
        theirs->commit_sequence < marks->their_commit_sequence && !MUTATED(FORGETFUL_LET_IN)) {
        error_set(error, 0, FEP_E_PEER_FORK,
                  "node %s comes with commit %llu of incarnation %llu; it had %llu before", theirs->node,
                  NUMBER(theirs->commit_sequence), NUMBER(theirs->incarnation),
                  NUMBER(marks->their_commit_sequence));
        return SESSION_FORK_THEIRS;
    }
    return theirs->incarnation > marks->their_incarnation && marks->their_incarnation != 0 ? SESSION_RESTORED
                                                                                           : SESSION_GOOD;
}

enum session_verdict
session_judge(const struct frame_hello *theirs, const struct session_marks *marks, const char *expected_node,
              struct fep_error *error)
{
    if (theirs->version_min > FRAME_VERSION || theirs->version_max < FRAME_VERSION) {
        error_set(error, 0, FEP_E_PEER_VERSION, "node %s speaks frame versions %u to %u; here it is %d",
                  theirs->node, theirs->version_min, theirs->version_max, FRAME_VERSION);
        return SESSION_VERSION;
    }
    if (expected_node != NULL && expected_node[0] != '\0' && strcmp(theirs->node, expected_node) != 0) {
        error_set(error, 0, FEP_E_PEER_NAME, "node %s answers on the link to %s", theirs->node,
                  expected_node);
        return SESSION_NAME;
    }
    if (theirs->seen_incarnation > marks->own_incarnation ||
        (theirs->seen_incarnation == marks->own_incarnation &&
         theirs->seen_commit_sequence > marks->own_commit_sequence)) {
        error_set(error, 0, FEP_E_PEER_FORK,
                  "node %s holds commit %llu of our incarnation %llu; we have %llu of %llu: this store is an "
                  "old copy",
                  theirs->node, NUMBER(theirs->seen_commit_sequence), NUMBER(theirs->seen_incarnation),
                  NUMBER(marks->own_commit_sequence), NUMBER(marks->own_incarnation));
        return SESSION_FORK_OURS;
    }
    return judge_theirs(theirs, marks, error);
}

const char *
session_verdict_name(enum session_verdict verdict)
{
    static const char *const names[] = {
        [SESSION_GOOD] = "good",
        [SESSION_RESTORED] = "restored",
        [SESSION_FORK_THEIRS] = "fork_theirs",
        [SESSION_FORK_OURS] = "fork_ours",
        [SESSION_VERSION] = "version",
        [SESSION_NAME] = "name",
    };

    return (unsigned)verdict < sizeof names / sizeof names[0] ? names[verdict] : "unknown";
}
