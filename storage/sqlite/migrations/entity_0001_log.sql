-- What entity.Log keeps. Instants are microseconds since 1970 in UTC; states and lists are JSON; names order as bytes.
-- Only slokeep writes to these tables.

CREATE TABLE slokeep_migrations (
	part   TEXT    NOT NULL, -- the first word of the file's name
	number INTEGER NOT NULL,
	PRIMARY KEY (part, number)
) STRICT, WITHOUT ROWID;

-- The last published state of each entity.
CREATE TABLE entity_heads (
	kind      TEXT    NOT NULL,
	id        TEXT    NOT NULL,
	version   INTEGER NOT NULL,
	at        INTEGER NOT NULL,
	state     TEXT,            -- NULL: it does not exist
	published TEXT,            -- NULL: the same as state
	PRIMARY KEY (kind, id)
) STRICT;

-- Since when a field has, or until when it had, one value. They are in the order of the changes that began them, since
-- clocks may stand still or go back.
CREATE TABLE entity_intervals (
	kind     TEXT    NOT NULL,
	id       TEXT    NOT NULL,
	field    TEXT    NOT NULL,
	position INTEGER NOT NULL, -- of the change that began it
	since    INTEGER NOT NULL,
	until    INTEGER,          -- NULL: still
	PRIMARY KEY (kind, id, field, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX entity_intervals_until ON entity_intervals (until) WHERE until IS NOT NULL;

-- The outbox and the feed in one. There is one writer at a time, so that changes are numbered in the order in which they
-- commit, and AUTOINCREMENT gives no number twice. Up to entity_feed.given they are the feed, beyond it the outbox.
CREATE TABLE entity_changes (
	position   INTEGER PRIMARY KEY AUTOINCREMENT,
	at         INTEGER NOT NULL,
	kind       TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	version    INTEGER NOT NULL,
	fields     TEXT,            -- NULL: none
	actor_type TEXT    NOT NULL,
	actor_id   TEXT    NOT NULL,
	actor_name TEXT    NOT NULL,
	prev       TEXT,            -- NULL: it did not exist
	next       TEXT             -- NULL: it does not exist
) STRICT;

CREATE INDEX entity_changes_at ON entity_changes (at);

-- The last Position that was given: one row. The last that was taken is SQLite's own affair, in sqlite_sequence.
CREATE TABLE entity_feed (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	given INTEGER NOT NULL
) STRICT;

INSERT INTO entity_feed (one, given) VALUES (1, 0);

-- How far each shard of each group is.
CREATE TABLE entity_groups (
	name     TEXT    NOT NULL,
	source   TEXT    NOT NULL,
	shard    INTEGER NOT NULL,
	position INTEGER NOT NULL,
	PRIMARY KEY (name, source, shard)
) STRICT, WITHOUT ROWID;

-- What groups have passed without having handled it. Each has its change with it, which may be trimmed meanwhile.
CREATE TABLE entity_pending (
	name       TEXT    NOT NULL,
	source     TEXT    NOT NULL,
	position   INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	kind       TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	version    INTEGER NOT NULL,
	fields     TEXT,
	actor_type TEXT    NOT NULL,
	actor_id   TEXT    NOT NULL,
	actor_name TEXT    NOT NULL,
	prev       TEXT,
	next       TEXT,
	attempts   INTEGER NOT NULL,
	due        INTEGER,         -- NULL: it waits behind another, or is parked
	error      TEXT    NOT NULL,
	parked     INTEGER NOT NULL,
	PRIMARY KEY (name, source, position)
) STRICT;

CREATE TABLE entity_watches (
	name      TEXT    NOT NULL PRIMARY KEY,
	"group"   TEXT    NOT NULL,
	condition TEXT    NOT NULL,
	progress  TEXT    NOT NULL,
	position  INTEGER NOT NULL,
	at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A lease that was given up has no holder, and keeps its number, so that the next one is greater.
CREATE TABLE entity_leases (
	name   TEXT    NOT NULL PRIMARY KEY,
	holder TEXT    NOT NULL,
	number INTEGER NOT NULL,
	until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO slokeep_migrations (part, number) VALUES ('entity', 1);
