package postgres

// The statements.
const (
	begin statement = iota
	commit

	addLocks
	lockHeads
	headList
	headPage
	putHeads
	endIntervals
	beginIntervals
	intervalPage

	putOutbox
	relay
	feedEnd
	changePage
	trimChanges
	trimIntervals

	groupPositions
	addGroup
	setPosition
	putPending
	deletePending
	pendingPage
	pendingPageOf
	dropGroup
	dropPending

	watchList
	watchPage
	putWatch
	dropWatch

	newestToken
	takeLeases
	releaseLeases
	leasePage
	notify

	putFacts
	addFactSystems
	addSourceSystems
	factsOf
	factsFrom
	lockFacts
	deleteSharedFacts
	keepSharedFacts
	deleteFacts
	deleteSourceSystems
	deleteHistories

	bumpVersions
	readVersions

	putRecords
	addRecords
	getRecords
	recordPage
	recordPageTo
	recordPageBack
	recordPageBackTo
	deleteRecords
	deleteUnder

	readHistories
	putHistories
)

// What is read in one statement, and trimmed.
const (
	pageSize  = 256
	trimBatch = 1000
)

const (
	page          = ` LIMIT 256`
	changeColumns = `at, kind, id, version, fields, actor_type, actor_id, actor_name, prev, next`
	pendingSelect = `SELECT position, ` + changeColumns + `, name, source, attempts, due, error, parked FROM @entity_pending WHERE `
	watchSelect   = `SELECT name, "group", condition, progress, position, at FROM @entity_watches WHERE name`
	recordSelect  = `SELECT id, sub, data FROM @store_records WHERE kind = $1 AND (id, sub) > ($2, $3)`

	// The database's clock, which goes on in a transaction.
	now = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
)

// A key is looked up for each row of a list, always by its index: OFFSET 0 keeps the planner from joining in another way,
// which it may choose for a table that has grown since it was last analysed.
const (
	each  = ` CROSS JOIN LATERAL (`
	byKey = ` OFFSET 0)`
)

// statementTexts has for each statement what an error calls it, and its text. An @ stands before each table.
var statementTexts = [...]struct{ what, text string }{
	begin:  {"begin", `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`},
	commit: {"commit", `COMMIT`},

	// A row that is there already is no wait here, and one that is being made by somebody else is. Locking it is a statement
	// of its own, so that it sees what was committed during the wait.
	addLocks: {"add locks", `
		INSERT INTO @entity_heads (kind, id) SELECT $1, id FROM unnest($2::text[]) WITH ORDINALITY AS k(id, n) ORDER BY n
		ON CONFLICT (kind, id) DO NOTHING`},
	lockHeads: {"lock heads", `
		SELECT h.id, h.version, h.at, h.state, h.published FROM unnest($2::text[]) AS k(id)` + each + `
			SELECT * FROM @entity_heads WHERE kind = $1 AND id = k.id FOR UPDATE` + byKey + ` h`},
	headList: {"read heads", `
		SELECT h.id, h.version, h.at, h.state, h.published FROM unnest($2::text[]) AS k(id)` + each + `
			SELECT * FROM @entity_heads WHERE kind = $1 AND id = k.id AND version IS NOT NULL` + byKey + ` h`},
	headPage: {"list heads", `
		SELECT id, version, at, state, published FROM @entity_heads
		WHERE kind = $1 AND id > $2 AND version IS NOT NULL ORDER BY id` + page},
	putHeads: {"write heads", `
		INSERT INTO @entity_heads (kind, id, version, at, state, published)
		SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
		ON CONFLICT (kind, id) DO UPDATE SET
			version = excluded.version, at = excluded.at, state = excluded.state, published = excluded.published`},

	endIntervals: {"end intervals", `
		UPDATE @entity_intervals i SET until = k.at
		FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS k(kind, id, field, at)
		WHERE i.kind = k.kind AND i.id = k.id AND i.field = k.field AND i.until IS NULL`},
	beginIntervals: {"begin intervals", `
		INSERT INTO @entity_intervals (kind, id, field, since)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])`},
	intervalPage: {"list intervals", `
		SELECT number, since, until FROM @entity_intervals
		WHERE kind = $1 AND id = $2 AND field = $3 AND number < $4 ORDER BY number DESC` + page},

	putOutbox: {"append changes", `
		INSERT INTO @entity_outbox (` + changeColumns + `)
		SELECT at, kind, id, version, fields, actor_type, actor_id, actor_name, prev, next FROM unnest(
			$1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]
		) WITH ORDINALITY AS k(` + changeColumns + `, n) ORDER BY n`},

	// The row of the lease stays locked until the end, so that who takes it over waits, and sees what was given.
	relay: {"relay changes", `
		WITH held AS MATERIALIZED (
			SELECT 1 FROM @entity_leases WHERE name = $1 AND number = $2 FOR SHARE
		), taken AS (
			DELETE FROM @entity_outbox
			WHERE number = ANY (ARRAY(SELECT number FROM @entity_outbox ORDER BY number LIMIT $3)) AND EXISTS (SELECT 1 FROM held)
			RETURNING *
		), feed AS (
			UPDATE @entity_feed SET given = given + (SELECT count(*) FROM taken)
			WHERE one AND EXISTS (SELECT 1 FROM taken) RETURNING given
		), moved AS (
			INSERT INTO @entity_changes (position, ` + changeColumns + `)
			SELECT (SELECT given FROM feed) - count(*) OVER () + row_number() OVER (ORDER BY number), ` + changeColumns + `
			FROM taken ORDER BY number
		)
		SELECT EXISTS (SELECT 1 FROM held), (SELECT count(*) FROM taken)`},
	feedEnd: {"read the end of the feed", `
		SELECT given, (SELECT number FROM @entity_outbox ORDER BY number LIMIT 1) IS NULL FROM @entity_feed WHERE one`},
	changePage: {"list changes", `
		SELECT position, ` + changeColumns + ` FROM @entity_changes WHERE position > $1 ORDER BY position` + page},
	trimChanges: {"trim changes", `
		DELETE FROM @entity_changes WHERE position = ANY (ARRAY(
			SELECT position FROM @entity_changes
			WHERE at < $1 AND position <= coalesce(
				(SELECT min(position) FROM @entity_groups), (SELECT given FROM @entity_feed WHERE one)
			)
			ORDER BY at LIMIT $2
		))`},
	trimIntervals: {"trim intervals", `
		DELETE FROM @entity_intervals WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM @entity_intervals WHERE until < $1 ORDER BY until LIMIT $2
		))`},

	groupPositions: {"read the positions of a group", `
		SELECT shard, position FROM @entity_groups WHERE name = $1 AND source = $2`},
	addGroup: {"add a group", `
		INSERT INTO @entity_groups (name, source, shard, position)
		SELECT $1, $2, shard, $4::bigint FROM generate_series(0, $3::integer - 1) AS k(shard) ORDER BY shard
		ON CONFLICT (name, source, shard) DO NOTHING`},
	setPosition: {"write the position of a group", `
		UPDATE @entity_groups SET position = $4
		WHERE name = $1 AND source = $2 AND shard = $3
			AND EXISTS (SELECT 1 FROM @entity_leases WHERE name = $5 AND number = $6)
		RETURNING 1`},
	putPending: {"write pending changes", `
		INSERT INTO @entity_pending (position, ` + changeColumns + `, name, source, attempts, due, error, parked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (name, source, position) DO UPDATE SET
			at = excluded.at, kind = excluded.kind, id = excluded.id, version = excluded.version, fields = excluded.fields,
			actor_type = excluded.actor_type, actor_id = excluded.actor_id, actor_name = excluded.actor_name,
			prev = excluded.prev, next = excluded.next,
			attempts = excluded.attempts, due = excluded.due, error = excluded.error, parked = excluded.parked`},
	deletePending: {"delete pending changes", `
		DELETE FROM @entity_pending WHERE name = $1 AND source = $2 AND position = ANY($3::bigint[])`},
	pendingPage: {"list pending changes", pendingSelect +
		`(name, source, position) > ($1, $2, $3) ORDER BY name, source, position` + page},
	pendingPageOf: {"list pending changes", pendingSelect +
		`name = $1 AND (source, position) > ($2, $3) ORDER BY source, position` + page},
	dropGroup:   {"drop a group", `DELETE FROM @entity_groups WHERE name = $1`},
	dropPending: {"drop a group", `DELETE FROM @entity_pending WHERE name = $1`},

	watchList: {"read watches", watchSelect + ` = ANY($1::text[]) ORDER BY name`},
	watchPage: {"list watches", watchSelect + ` > $1 ORDER BY name` + page},
	putWatch: {"write a watch", `
		INSERT INTO @entity_watches (name, "group", condition, progress, position, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (name) DO UPDATE SET
			"group" = excluded."group", condition = excluded.condition, progress = excluded.progress,
			position = excluded.position, at = excluded.at`},
	dropWatch: {"drop a watch", `DELETE FROM @entity_watches WHERE name = $1`},

	// Locked, so that who takes the lease over waits for what its holder is writing.
	newestToken: {"read a lease", `SELECT 1 FROM @entity_leases WHERE name = $1 AND number = $2 FOR SHARE`},

	// Who sees that a lease is another's neither writes nor waits.
	takeLeases: {"take leases", `
		INSERT INTO @entity_leases AS l (name, holder, number, until)
		SELECT k.name, $2, 1, ` + now + ` + $3::bigint FROM unnest($1::text[]) AS k(name)
		WHERE NOT EXISTS (
			SELECT 1 FROM @entity_leases o WHERE o.name = k.name AND o.holder NOT IN ('', $2) AND o.until > ` + now + `
		)
		ORDER BY k.name COLLATE "C"
		ON CONFLICT (name) DO UPDATE SET
			holder = excluded.holder, until = excluded.until,
			number = l.number + CASE WHEN l.holder = excluded.holder THEN 0 ELSE 1 END
		WHERE l.holder IN ('', excluded.holder) OR l.until <= ` + now + `
		RETURNING name, number`},
	releaseLeases: {"give leases up", `
		UPDATE @entity_leases SET holder = '', until = 0 WHERE name = ANY (ARRAY(
			SELECT name FROM @entity_leases WHERE name = ANY($1::text[]) AND holder = $2 ORDER BY name FOR UPDATE
		)) AND holder = $2`},
	leasePage: {"list leases", `
		SELECT name, holder, number FROM @entity_leases WHERE name >= $1 AND holder <> '' AND until > ` + now + ` ORDER BY name` + page},

	notify: {"notify", `SELECT pg_notify($1, '')`},

	putFacts: {"write facts", `
		INSERT INTO @store_facts (kind, hash, source, system, systems, data)
		SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::bytea[])
		ON CONFLICT (hash, kind) DO NOTHING RETURNING number, kind, hash`},
	addFactSystems: {"write the systems of facts", `
		INSERT INTO @store_fact_systems (system, fact) SELECT * FROM unnest($1::text[], $2::bigint[])`},
	addSourceSystems: {"write the systems of sources", `
		INSERT INTO @store_source_systems (system, kind, source) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
		ON CONFLICT (system, kind, source) DO NOTHING`},
	factsOf: {"read facts", `
		SELECT k.system, f.kind, f.source, f.system, f.systems, f.data FROM unnest($1::text[]) AS k(system)` + each + `
			SELECT kind, source, system, systems, data FROM @store_facts WHERE system = k.system AND source = ''
			UNION ALL
			SELECT f.kind, f.source, f.system, f.systems, f.data FROM @store_fact_systems l` + each + `
				SELECT * FROM @store_facts WHERE number = l.fact` + byKey + ` f WHERE l.system = k.system
			UNION ALL
			SELECT f.kind, f.source, f.system, f.systems, f.data FROM @store_source_systems l` + each + `
				SELECT * FROM @store_facts WHERE kind = l.kind AND source = l.source AND source <> ''` + byKey + ` f
			WHERE l.system = k.system` + byKey + ` f`},
	factsFrom: {"read facts of sources", `
		SELECT '', f.kind, f.source, f.system, f.systems, f.data FROM unnest($2::text[]) AS k(source)` + each + `
			SELECT * FROM @store_facts WHERE kind = $1 AND source = k.source AND source <> ''` + byKey + ` f`},

	// Two who delete at once what a fact belongs to must each see what the other has left of it.
	lockFacts: {"lock facts", `
		SELECT number FROM @store_facts WHERE number = ANY (ARRAY(
			SELECT number FROM @store_facts WHERE system = ANY($1::text[]) AND source = ''
			UNION SELECT fact FROM @store_fact_systems WHERE system = ANY($1::text[])
		)) ORDER BY number FOR UPDATE`},
	deleteSharedFacts: {"delete facts", `
		WITH gone AS (DELETE FROM @store_fact_systems WHERE system = ANY($1::text[]) RETURNING fact)
		DELETE FROM @store_facts f
		WHERE number = ANY (ARRAY(SELECT fact FROM gone)) AND (system IS NULL OR system = ANY($1::text[]))
			AND NOT EXISTS (SELECT 1 FROM @store_fact_systems l WHERE l.fact = f.number AND l.system <> ALL($1::text[]))`},
	keepSharedFacts: {"delete facts", `
		UPDATE @store_facts f SET system = NULL
		WHERE system = ANY($1::text[]) AND source = '' AND systems IS NOT NULL
			AND EXISTS (SELECT 1 FROM @store_fact_systems l WHERE l.fact = f.number)`},
	deleteFacts:         {"delete facts", `DELETE FROM @store_facts WHERE system = ANY($1::text[]) AND source = ''`},
	deleteSourceSystems: {"delete facts", `DELETE FROM @store_source_systems WHERE system = ANY($1::text[])`},
	deleteHistories:     {"delete histories", `DELETE FROM @store_histories WHERE system = ANY($1::text[])`},

	bumpVersions: {"bump versions", `
		INSERT INTO @store_versions AS v (kind, id, version) SELECT kind, id, 1 FROM unnest($1::text[], $2::text[]) AS k(kind, id)
		ON CONFLICT (kind, id) DO UPDATE SET version = v.version + 1 RETURNING kind, id, version`},
	readVersions: {"read versions", `
		SELECT coalesce(array_agg(coalesce(v.version, 0) ORDER BY n), '{}')
		FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS k(kind, id, n) LEFT JOIN LATERAL (
			SELECT version FROM @store_versions WHERE kind = k.kind AND id = k.id OFFSET 0
		) v ON true`},

	putRecords: {"write records", `
		INSERT INTO @store_records (kind, id, sub, data) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
		ON CONFLICT (kind, id, sub) DO UPDATE SET data = excluded.data`},
	addRecords: {"add records", `
		INSERT INTO @store_records (kind, id, sub, data) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
		ON CONFLICT (kind, id, sub) DO NOTHING RETURNING kind, id, sub`},
	getRecords: {"read records", `
		SELECT r.kind, r.id, r.sub, r.data FROM unnest($1::text[], $2::text[], $3::text[]) AS k(kind, id, sub)` + each + `
			SELECT * FROM @store_records WHERE kind = k.kind AND id = k.id AND sub = k.sub` + byKey + ` r
		UNION ALL
		SELECT r.kind, r.id, r.sub, r.data FROM unnest($4::text[], $5::text[]) AS k(kind, id)` + each + `
			SELECT * FROM @store_records WHERE kind = k.kind AND id = k.id` + byKey + ` r`},
	recordPage:       {"list records", recordSelect + ` ORDER BY id, sub LIMIT $4`},
	recordPageTo:     {"list records", recordSelect + ` AND (id, sub) < ($5, $6) ORDER BY id, sub LIMIT $4`},
	recordPageBack:   {"list records", recordSelect + ` ORDER BY id DESC, sub DESC LIMIT $4`},
	recordPageBackTo: {"list records", recordSelect + ` AND (id, sub) < ($5, $6) ORDER BY id DESC, sub DESC LIMIT $4`},
	deleteRecords: {"delete records", `
		DELETE FROM @store_records r USING unnest($1::text[], $2::text[], $3::text[]) AS k(kind, id, sub)
		WHERE r.kind = k.kind AND r.id = k.id AND r.sub = k.sub`},
	deleteUnder: {"delete records", `
		DELETE FROM @store_records r USING unnest($1::text[], $2::text[]) AS k(kind, id) WHERE r.kind = k.kind AND r.id = k.id`},

	readHistories: {"read histories", `
		SELECT h.system, h.version, h.data FROM unnest($1::text[]) AS k(system)` + each + `
			SELECT * FROM @store_histories WHERE system = k.system` + byKey + ` h`},
	putHistories: {"write histories", `
		INSERT INTO @store_histories AS h (system, version, data) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
		ON CONFLICT (system) DO UPDATE SET version = excluded.version, data = excluded.data WHERE h.version < excluded.version`},
}
