-- Notices about fee lines of other places for which there was no local code here: kept until somebody has closed them,
-- since a closed one helps the next patient. No personal data: an item, an institution, a visit's number.
CREATE TABLE prompt (
  id               INTEGER PRIMARY KEY,
  instance         TEXT NOT NULL,      -- the adapter instance whose crosswalk lacks the item
  msgid            TEXT NOT NULL,      -- the upload that held the line
  line             INTEGER NOT NULL,   -- from 1
  institution      TEXT NOT NULL,
  institution_name TEXT NOT NULL,
  treat_area       TEXT NOT NULL,
  visit_id         TEXT NOT NULL,
  settlement_id    TEXT NOT NULL,      -- '' until the visit is settled here
  item_code        TEXT NOT NULL,      -- medins_list_codg
  item_name        TEXT NOT NULL,      -- medins_list_name
  national_code    TEXT NOT NULL,      -- med_list_codg, '' = not sent
  level            TEXT NOT NULL,      -- chrgitm_lv: by which the line was settled
  fee_fen          INTEGER NOT NULL,
  time             TEXT NOT NULL,      -- of the line, as it was sent
  raised_ms        INTEGER NOT NULL,   -- wall clock
  closed_ms        INTEGER NOT NULL,   -- 0 = open
  closed_by        INTEGER NOT NULL,   -- uid of the operator
  why              TEXT NOT NULL,
  local_code       TEXT NOT NULL       -- what it was closed with, '' = nothing
) STRICT;

-- The same notice again changes nothing.
CREATE UNIQUE INDEX prompt_line ON prompt (msgid, line);
-- A settlement looks here for the notices of its visit.
CREATE INDEX prompt_visit ON prompt (visit_id) WHERE closed_ms = 0;
