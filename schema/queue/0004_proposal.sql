-- What operators say about updates whose outcome is not known, and about updates that stand: one proposes, another confirms
-- (verb 1 to 4); one that stands is looked at and acknowledged (verb 0). Kept for the record. The answer is sealed with the
-- body key, where there is one, like any body.
CREATE TABLE proposal (
  id             INTEGER PRIMARY KEY,
  verb           INTEGER NOT NULL,   -- 0 it stands, 1 posted, 2 not posted, 3 undone, 4 stands
  state          INTEGER NOT NULL,   -- 1 open, 2 confirmed, 3 applied, 4 withdrawn, 5 overtaken, 6 acknowledged
  ended          INTEGER NOT NULL,   -- the ending of the update, 0 = none yet
  origin         TEXT NOT NULL,
  msgid          TEXT NOT NULL,
  infno          TEXT NOT NULL,
  instance       TEXT NOT NULL,
  role           INTEGER NOT NULL,
  attempt        INTEGER NOT NULL,
  serial         INTEGER NOT NULL,   -- at the local system
  proposed_ms    INTEGER NOT NULL,   -- wall clock, as all times here
  proposed_by    INTEGER NOT NULL,   -- uid, from the system
  why            TEXT NOT NULL,
  decided_ms     INTEGER NOT NULL,   -- confirmed, withdrawn or acknowledged; 0 = not yet
  decided_by     INTEGER NOT NULL,
  decided_why    TEXT NOT NULL,
  applied_ms     INTEGER NOT NULL,
  contradicted_ms INTEGER NOT NULL,  -- a later answer says otherwise; 0 = none does
  settlement_id  TEXT NOT NULL,      -- of the answer
  total_fen      INTEGER NOT NULL,
  fund_fen       INTEGER NOT NULL,
  account_fen    INTEGER NOT NULL,
  cash_fen       INTEGER NOT NULL,
  has_money      INTEGER NOT NULL,
  answer         BLOB                -- NULL: none
) STRICT;
