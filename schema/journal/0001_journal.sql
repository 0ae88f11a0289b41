-- journal/YYYYMMDD.db: the closed exchanges of one origin day, for good. The source of every report.
-- The columns are those of the queue (schema/queue), with request and answer beside them in the row, as they were stored
-- there: encrypted ones are moved as they are.

CREATE TABLE exchange (
  id             INTEGER PRIMARY KEY,
  origin         TEXT NOT NULL,
  msgid          TEXT NOT NULL,
  role           INTEGER NOT NULL,     -- 1 origin, 2 transit, 3 destination
  infno          TEXT NOT NULL,
  class          INTEGER NOT NULL,
  treat_area     TEXT NOT NULL,
  insured_area   TEXT NOT NULL,
  institution    TEXT NOT NULL,
  day            INTEGER NOT NULL,     -- the origin's accepting day, yyyymmdd
  original_msgid TEXT NOT NULL,
  original_infno TEXT NOT NULL,
  digest         BLOB,                 -- SM3 over fixed header and body (none: tombstone), then checks of 8 bytes each: row, course, key
  state          INTEGER NOT NULL,
  tombstone      INTEGER NOT NULL,
  attempt        INTEGER NOT NULL,
  hops_left      INTEGER NOT NULL,
  previous       TEXT NOT NULL,        -- who handed it over
  target         TEXT NOT NULL,        -- where it goes; '' = no route chosen yet
  local_serial   INTEGER NOT NULL,     -- the attempt record (0 = none)
  local_date     INTEGER NOT NULL,
  local_accounting_date INTEGER NOT NULL,
  local_mapping  INTEGER NOT NULL,
  local_cycle    TEXT NOT NULL,
  kind           INTEGER NOT NULL,     -- the ending
  effect         INTEGER NOT NULL,
  refusal_class  INTEGER NOT NULL,
  reason         INTEGER NOT NULL,
  code           INTEGER NOT NULL,
  text           TEXT NOT NULL,
  order_key      BLOB,                 -- the index beside the message; NULL = none
  visit_id       TEXT NOT NULL,
  settlement_id  TEXT NOT NULL,
  med_type       TEXT NOT NULL,
  insutype       TEXT NOT NULL,
  total_fen      INTEGER NOT NULL,
  fund_fen       INTEGER NOT NULL,
  account_fen    INTEGER NOT NULL,
  cash_fen       INTEGER NOT NULL,
  index_effect   INTEGER NOT NULL,
  accounting_day INTEGER NOT NULL,
  has_money      INTEGER NOT NULL,
  reversal_cause   INTEGER NOT NULL,
  reversal_attempt INTEGER NOT NULL,
  reversal_relayed INTEGER NOT NULL,
  cure           INTEGER NOT NULL,
  cancel_serial  INTEGER NOT NULL,     -- the cure's cancel (0 = none)
  cancel_date    INTEGER NOT NULL,
  cancel_accounting_date INTEGER NOT NULL,
  cancel_mapping INTEGER NOT NULL,
  cancel_cycle   TEXT NOT NULL,
  pinned         INTEGER NOT NULL,     -- not used: always 0
  outcome_relayed INTEGER NOT NULL,
  accepted_ms    INTEGER NOT NULL,     -- wall clock, 0 = not yet
  sent_ms        INTEGER NOT NULL,
  relayed_ms     INTEGER NOT NULL,
  outcome_ms     INTEGER NOT NULL,
  told_ms        INTEGER NOT NULL,
  body           BLOB,
  answer         BLOB
) STRICT;

-- Makes moving idempotent: the same exchange again replaces its row. The msgid's time and number (from character 13) come
-- before its institution (the first 12), so that a day's rows are added at the end of the index and not all over it.
CREATE UNIQUE INDEX exchange_key ON exchange (substr(msgid, 13), substr(msgid, 1, 12), origin, role);
