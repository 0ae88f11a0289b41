-- queue.db: what is open, and what was closed and waits for its journal day.
-- Names are those of the code, of fepctl and of the log. Codes of role, state, kind and so on: gateway/message and
-- gateway/include/fep/adapter.h.

CREATE TABLE meta (
  name   TEXT PRIMARY KEY,  -- node, incarnation, boot_count, serial_counter, commit_sequence, key_check
  number INTEGER NOT NULL DEFAULT 0,
  text   TEXT NOT NULL DEFAULT '',
  bytes  BLOB
) STRICT, WITHOUT ROWID;

-- One row for each exchange that is open here, or closed and not yet moved. That (origin, msgid, role) is unique here
-- and against the keys_* tables is kept by the one writer, which holds the keys of these few rows in memory: an index
-- would cost each exchange as much as its row.
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
  pinned         INTEGER NOT NULL,
  outcome_relayed INTEGER NOT NULL,
  accepted_ms    INTEGER NOT NULL,     -- wall clock, 0 = not yet
  sent_ms        INTEGER NOT NULL,
  relayed_ms     INTEGER NOT NULL,
  outcome_ms     INTEGER NOT NULL,
  told_ms        INTEGER NOT NULL,
  body_id        INTEGER,              -- into table body; NULL = none
  answer_id      INTEGER,
  sequence       INTEGER NOT NULL      -- the commit that wrote the row last
) STRICT;

-- Requests and answers, encrypted unless the store was opened without a key. Apart from the exchange, so that a change
-- of state does not write the body again; always appended, so that pages are filled and freed in order.
CREATE TABLE body (
  id   INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;

-- Closed exchanges in the order of closing: the waiting room of the journals.
CREATE TABLE closed (
  number   INTEGER PRIMARY KEY,
  exchange INTEGER NOT NULL
) STRICT;

-- keys_YYYYMMDD, made by the program for each origin day and dropped whole after the horizon: the keys of exchanges that
-- have moved to that day's journal, and how they ended, so that a repeat is known for what it is even when the journal
-- is gone. (stamp, sender, origin, role, digest, ending, key_seal, seal; the msgid is sender || stamp, its first 12 characters behind the
-- rest, so that keys are added at the end of the table and not all over it.)

-- Which exchange opened a visit, for those that come later in the same visit.
CREATE TABLE visit (
  insured_area TEXT NOT NULL,
  visit_id     TEXT NOT NULL,
  origin       TEXT NOT NULL,
  msgid        TEXT NOT NULL,
  day          INTEGER NOT NULL,
  PRIMARY KEY (insured_area, visit_id)
) STRICT, WITHOUT ROWID;

-- What each peer said about itself at its last connect.
CREATE TABLE peer_mark (
  name            TEXT PRIMARY KEY,
  incarnation     INTEGER NOT NULL,
  commit_sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
