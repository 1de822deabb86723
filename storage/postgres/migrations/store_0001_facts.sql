-- What storage.Store keeps beside its Log. Strings order as bytes, and data is what the engine makes of it. Only slokeep
-- writes to these tables.

-- A fact is known by its kind and the SHA-256 of its data. Without a source it belongs to its systems: nearly always one.
CREATE TABLE store_facts (
	number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	kind    text COLLATE "C" NOT NULL,
	hash    bytea NOT NULL,
	source  text COLLATE "C" NOT NULL, -- '': it stands for itself
	system  text COLLATE "C",          -- the first of its systems; NULL: it has none, or that one was deleted
	systems text,                      -- as they were given, a JSON list; NULL: the one in system, or none
	data    bytea NOT NULL
);

CREATE UNIQUE INDEX store_facts_key ON store_facts (hash, kind);
CREATE INDEX store_facts_system ON store_facts (system) WHERE source = '';
CREATE INDEX store_facts_source ON store_facts (kind, source) WHERE source <> '';

-- The further systems of facts without a source.
CREATE TABLE store_fact_systems (
	system text COLLATE "C" NOT NULL,
	fact   bigint NOT NULL,
	PRIMARY KEY (system, fact)
);

CREATE INDEX store_fact_systems_fact ON store_fact_systems (fact);

-- All facts of a source belong to each system that one of them names.
CREATE TABLE store_source_systems (
	system text COLLATE "C" NOT NULL,
	kind   text COLLATE "C" NOT NULL,
	source text COLLATE "C" NOT NULL,
	PRIMARY KEY (system, kind, source)
);

CREATE TABLE store_versions (
	kind    text COLLATE "C" NOT NULL,
	id      text COLLATE "C" NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (kind, id)
) WITH (fillfactor = 50);

CREATE TABLE store_records (
	kind text COLLATE "C" NOT NULL,
	id   text COLLATE "C" NOT NULL,
	sub  text COLLATE "C" NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (kind, id, sub)
) WITH (fillfactor = 90);

-- What the facts of a system come to: a cache.
CREATE TABLE store_histories (
	system  text COLLATE "C" PRIMARY KEY,
	version bigint NOT NULL,
	data    bytea  NOT NULL
) WITH (fillfactor = 70);

INSERT INTO slokeep_migrations (part, number) VALUES ('store', 1);
