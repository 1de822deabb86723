-- What entity.Log keeps. Instants are microseconds since 1970 in UTC; states and lists are JSON, byte for byte; names order
-- as bytes. Only slokeep writes to these tables.

CREATE TABLE slokeep_migrations (
	part   text    NOT NULL, -- the first word of the file's name
	number integer NOT NULL,
	PRIMARY KEY (part, number)
);

-- The last published state of each entity, and all that was ever locked: rows are locks.
CREATE TABLE entity_heads (
	kind      text COLLATE "C" NOT NULL,
	id        text COLLATE "C" NOT NULL,
	version   bigint,           -- NULL: there is no head, only a lock
	at        bigint,
	state     text,             -- NULL: it does not exist
	published text,             -- NULL: the same as state
	PRIMARY KEY (kind, id)
) WITH (fillfactor = 70);

-- Since when a field has, or until when it had, one value. They are numbered in the order in which they began, since clocks
-- may stand still or go back.
CREATE TABLE entity_intervals (
	kind   text COLLATE "C" NOT NULL,
	id     text COLLATE "C" NOT NULL,
	field  text COLLATE "C" NOT NULL,
	number bigint GENERATED ALWAYS AS IDENTITY,
	since  bigint NOT NULL,
	until  bigint,              -- NULL: still
	PRIMARY KEY (kind, id, field, number)
);

CREATE UNIQUE INDEX entity_intervals_open ON entity_intervals (kind, id, field) WHERE until IS NULL;
CREATE INDEX entity_intervals_until ON entity_intervals (until) WHERE until IS NOT NULL;

-- What was appended and is not in the feed yet. The numbers of one entity are in the order of its versions, since they are
-- taken under its lock. Those of different entities may commit in any order, so nobody keeps a place here.
CREATE TABLE entity_outbox (
	number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at         bigint NOT NULL,
	kind       text   NOT NULL,
	id         text   NOT NULL,
	version    bigint NOT NULL,
	fields     text,            -- NULL: none
	actor_type text   NOT NULL,
	actor_id   text   NOT NULL,
	actor_name text   NOT NULL,
	prev       text,            -- NULL: it did not exist
	next       text             -- NULL: it does not exist
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- The feed.
CREATE TABLE entity_changes (
	position   bigint PRIMARY KEY,
	at         bigint NOT NULL,
	kind       text   NOT NULL,
	id         text   NOT NULL,
	version    bigint NOT NULL,
	fields     text,
	actor_type text   NOT NULL,
	actor_id   text   NOT NULL,
	actor_name text   NOT NULL,
	prev       text,
	next       text
);

CREATE INDEX entity_changes_at ON entity_changes (at);

-- The last Position that was given: one row.
CREATE TABLE entity_feed (
	one   boolean PRIMARY KEY CHECK (one),
	given bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO entity_feed (one, given) VALUES (true, 0);

CREATE TABLE entity_groups (
	name     text COLLATE "C" NOT NULL,
	source   text COLLATE "C" NOT NULL,
	shard    integer NOT NULL,
	position bigint  NOT NULL,
	PRIMARY KEY (name, source, shard)
) WITH (fillfactor = 50);

CREATE INDEX entity_groups_position ON entity_groups (position);

CREATE TABLE entity_pending (
	name       text COLLATE "C" NOT NULL,
	source     text COLLATE "C" NOT NULL,
	position   bigint  NOT NULL,
	at         bigint  NOT NULL,
	kind       text    NOT NULL,
	id         text    NOT NULL,
	version    bigint  NOT NULL,
	fields     text,
	actor_type text    NOT NULL,
	actor_id   text    NOT NULL,
	actor_name text    NOT NULL,
	prev       text,
	next       text,
	attempts   integer NOT NULL,
	due        bigint,          -- NULL: it waits behind another, or is parked
	error      text    NOT NULL,
	parked     boolean NOT NULL,
	PRIMARY KEY (name, source, position)
);

CREATE TABLE entity_watches (
	name      text COLLATE "C" PRIMARY KEY,
	"group"   text   NOT NULL,
	condition text   NOT NULL,
	progress  text   NOT NULL,
	position  bigint NOT NULL,
	at        bigint NOT NULL
);

-- A lease that was given up has no holder, and keeps its number, so that the next one is greater.
CREATE TABLE entity_leases (
	name   text COLLATE "C" PRIMARY KEY,
	holder text   NOT NULL,
	number bigint NOT NULL,
	until  bigint NOT NULL
) WITH (fillfactor = 50);

INSERT INTO slokeep_migrations (part, number) VALUES ('entity', 1);
