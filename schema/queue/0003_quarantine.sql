-- Rows that are not what was written, as they were found when the store was opened. What stands in their place, if
-- anything, says "became". Nothing here is ever served or changed; a person looks at it (fepctl quarantine).
CREATE TABLE quarantined (
  number    INTEGER PRIMARY KEY,
  source    TEXT NOT NULL,     -- the table it stood in
  found_ms  INTEGER NOT NULL,  -- wall clock
  origin    TEXT NOT NULL,     -- the key as far as it can be read
  msgid     TEXT NOT NULL,
  role      INTEGER NOT NULL,
  day       INTEGER NOT NULL,  -- 0 = none that could be believed
  key_check BLOB,              -- the key above is perhaps not the true one: the check of the true one
  became    TEXT NOT NULL,     -- what was made of it
  content   TEXT NOT NULL,     -- every value of the row, as SQL writes it
  body      BLOB,              -- request and answer, where they do not stay in table body
  answer    BLOB
) STRICT;

-- Checks of rows that had none; NULL = written by an earlier version.
ALTER TABLE meta ADD COLUMN seal INTEGER;
ALTER TABLE peer_mark ADD COLUMN seal INTEGER;
ALTER TABLE prompt ADD COLUMN seal INTEGER;
ALTER TABLE closed ADD COLUMN seal INTEGER;

-- Never set since no ending of one update rests on another's.
ALTER TABLE exchange DROP COLUMN pinned;
