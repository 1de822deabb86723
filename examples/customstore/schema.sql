-- Strings compare as bytes, which is what BINARY, the default collation, does.

CREATE TABLE IF NOT EXISTS facts (
	number  INTEGER PRIMARY KEY,
	kind    TEXT NOT NULL,
	hash    BLOB NOT NULL,  -- of the data
	source  TEXT NOT NULL,  -- '': it stands for itself
	systems TEXT NOT NULL,  -- as it was given: a JSON list
	data    BLOB NOT NULL,
	UNIQUE (kind, hash)
);
CREATE INDEX IF NOT EXISTS facts_source ON facts (kind, source) WHERE source <> '';

-- A fact without a source belongs to systems itself; all others belong to those of their source.
CREATE TABLE IF NOT EXISTS fact_systems (
	system TEXT    NOT NULL,
	fact   INTEGER NOT NULL,
	PRIMARY KEY (system, fact)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS fact_systems_fact ON fact_systems (fact);

CREATE TABLE IF NOT EXISTS source_systems (
	system TEXT NOT NULL,
	kind   TEXT NOT NULL,
	source TEXT NOT NULL,
	PRIMARY KEY (system, kind, source)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS versions (
	kind    TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS records (
	kind TEXT NOT NULL,
	id   TEXT NOT NULL,
	sub  TEXT NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (kind, id, sub)
) WITHOUT ROWID;

-- The Log keeps heads, groups, pending changes, watches and leases in rows of the same form.
CREATE TABLE IF NOT EXISTS log_rows (
	kind TEXT NOT NULL,
	id   TEXT NOT NULL,
	sub  TEXT NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (kind, id, sub)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS intervals (
	number INTEGER PRIMARY KEY,
	kind   TEXT    NOT NULL,
	id     TEXT    NOT NULL,
	field  TEXT    NOT NULL,
	since  INTEGER NOT NULL,  -- microseconds
	until  INTEGER            -- NULL: still
);
CREATE INDEX IF NOT EXISTS intervals_field ON intervals (kind, id, field, number);

-- AUTOINCREMENT: a position that was given is never given again, though its change was deleted.
CREATE TABLE IF NOT EXISTS changes (
	position INTEGER PRIMARY KEY AUTOINCREMENT,
	at       INTEGER NOT NULL,
	data     TEXT    NOT NULL
);
