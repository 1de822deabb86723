-- What storage.Store keeps beside entity.Log. Names order as bytes; what is called data is the engine's affair. Only slokeep
-- writes to these tables.

-- What was said about systems, each thing once, by the SHA-256 of its data. Nearly all of it is about one system and stands
-- for itself, which is one row and two entries of indexes.
CREATE TABLE store_facts (
	number  INTEGER PRIMARY KEY,
	kind    TEXT    NOT NULL,
	hash    BLOB    NOT NULL,
	source  TEXT    NOT NULL,    -- '': it stands for itself
	system  TEXT,                -- the first that it was given, NULL for none; where it stands for itself, NULL also once it
	                             -- does not belong to that any longer
	systems TEXT,                -- all that it was given, a JSON list; NULL: none but system
	data    BLOB    NOT NULL,
	UNIQUE (kind, hash)
) STRICT;

CREATE INDEX store_facts_system ON store_facts (system) WHERE source = '' AND system IS NOT NULL;

CREATE INDEX store_facts_source ON store_facts (kind, source) WHERE source <> '';

-- The further systems of facts that stand for themselves.
CREATE TABLE store_fact_systems (
	system TEXT    NOT NULL,
	fact   INTEGER NOT NULL REFERENCES store_facts ON DELETE CASCADE,
	PRIMARY KEY (system, fact)
) STRICT, WITHOUT ROWID;

CREATE INDEX store_fact_systems_fact ON store_fact_systems (fact);

-- The systems of all others, which belong to what any fact of their source names.
CREATE TABLE store_source_systems (
	system TEXT NOT NULL,
	kind   TEXT NOT NULL,
	source TEXT NOT NULL,
	PRIMARY KEY (system, kind, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE store_versions (
	kind    TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	version INTEGER NOT NULL,
	PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE store_records (
	kind TEXT NOT NULL,
	id   TEXT NOT NULL,
	sub  TEXT NOT NULL,
	data BLOB NOT NULL,
	PRIMARY KEY (kind, id, sub)
) STRICT, WITHOUT ROWID;

-- What was made of the facts of a system at one of its versions: a cache.
CREATE TABLE store_histories (
	system  TEXT    NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	data    BLOB    NOT NULL
) STRICT;

INSERT INTO slokeep_migrations (part, number) VALUES ('store', 1);
