package sqlite

import "strings"

// statement names one of the statements that a Log or a Store prepares, on each connection once.
type statement int

// The statements of a Log. Those whose names end in Many take listSize keys, where fewer are asked for the last one
// repeatedly.
const (
	headOne statement = iota
	headMany
	headPage
	putHead
	putChange
	endInterval
	beginInterval
	intervalPage
	feedState
	setGiven
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
	watchMany
	watchPage
	putWatch
	dropWatch
	newestToken
	leaseMany
	leasePage
	putLease
	logStatements // how many there are
)

// The statements of a Store. Those that take many keys take them as JSON.
const (
	putFact statement = logStatements + iota
	linkFact
	linkSource
	factsOfMany
	factsOf
	factsFromMany
	factsFrom
	deleteFacts
	unlinkFacts
	deleteUnlinked
	deleteLinks
	deleteSources
	historiesOf
	putHistory
	deleteHistory
	bumpVersion
	bumpVersions
	readVersions
	putRecord
	addRecord
	recordsOfMany
	recordsOf
	recordsNamed
	recordsForward
	recordsBackward
	deleteRecord
	deleteRecords
)

// What is asked for or deleted in one statement.
const (
	listSize    = 32
	pageSize    = 256
	portionSize = 4096
	trimBatch   = 1000
)

const (
	limit         = ` LIMIT 256`
	headColumns   = `SELECT id, version, at, state, published FROM entity_heads WHERE kind = ?`
	changeColumns = `position, at, kind, id, version, fields, actor_type, actor_id, actor_name, prev, next`
	pendingSelect = `SELECT ` + changeColumns + `, name, source, attempts, due, error, parked FROM entity_pending WHERE `
	watchSelect   = `SELECT name, "group", condition, progress, position, at FROM entity_watches WHERE name`

	portion      = ` LIMIT 4096`
	ownColumns   = `f.number, f.kind, '', NULL, f.systems, f.data`
	factColumns  = `f.number, f.kind, f.source, f.system, f.systems, f.data`
	nextVersion  = ` ON CONFLICT (kind, id) DO UPDATE SET version = version + 1 RETURNING id, version`
	insertRecord = `INSERT INTO store_records (kind, id, sub, data) VALUES (?, ?, ?, ?) ON CONFLICT (kind, id, sub) DO `
	recordRange  = `
		SELECT id, sub, data FROM store_records
		WHERE kind = ? AND (id, sub) > (?, ?) AND (id, sub) < (?, ?) ORDER BY `
)

var manyKeys = ` IN (?` + strings.Repeat(`, ?`, listSize-1) + `)`

// statementTexts has for each statement what an error calls it, and its text.
var statementTexts = [...]struct{ what, text string }{
	headOne:  {"read a head", headColumns + ` AND id = ?`},
	headMany: {"read heads", headColumns + ` AND id` + manyKeys},
	headPage: {"list heads", headColumns + ` AND id > ? ORDER BY id` + limit},
	putHead: {"write a head", `
		INSERT INTO entity_heads (kind, id, version, at, state, published) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, id) DO UPDATE SET
			version = excluded.version, at = excluded.at, state = excluded.state, published = excluded.published`},
	putChange: {"append a change", `
		INSERT INTO entity_changes (at, kind, id, version, fields, actor_type, actor_id, actor_name, prev, next)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},

	// Only the newest interval of a field can be open; looking at that one alone keeps a long history from being read.
	endInterval: {"end an interval", `
		UPDATE entity_intervals SET until = ?1
		WHERE kind = ?2 AND id = ?3 AND field = ?4 AND until IS NULL AND position = (
			SELECT max(position) FROM entity_intervals WHERE kind = ?2 AND id = ?3 AND field = ?4
		)`},
	beginInterval: {"begin an interval", `
		INSERT INTO entity_intervals (since, kind, id, field, position) VALUES (?, ?, ?, ?, ?)`},
	intervalPage: {"list intervals", `
		SELECT position, since, until FROM entity_intervals
		WHERE kind = ? AND id = ? AND field = ? AND position < ? ORDER BY position DESC` + limit},

	feedState: {"read the end of the feed", `
		SELECT given, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'entity_changes'), 0),
			EXISTS (SELECT 1 FROM entity_leases WHERE name = ? AND number = ?)
		FROM entity_feed`},
	setGiven: {"relay changes", `UPDATE entity_feed SET given = ?`},
	changePage: {"list changes", `
		SELECT ` + changeColumns + ` FROM entity_changes
		WHERE position > ? AND position <= (SELECT given FROM entity_feed) ORDER BY position` + limit},
	trimChanges: {"trim changes", `
		DELETE FROM entity_changes WHERE position IN (
			SELECT position FROM entity_changes
			WHERE at < ? AND position <= (
				SELECT min(given, coalesce((SELECT min(position) FROM entity_groups), given)) FROM entity_feed
			)
			ORDER BY at LIMIT ?
		)`},
	trimIntervals: {"trim intervals", `
		DELETE FROM entity_intervals WHERE (kind, id, field, position) IN (
			SELECT kind, id, field, position FROM entity_intervals WHERE until < ? ORDER BY until LIMIT ?
		)`},

	groupPositions: {"read the positions of a group", `
		SELECT shard, position FROM entity_groups WHERE name = ? AND source = ?`},
	addGroup: {"add a group", `
		INSERT OR IGNORE INTO entity_groups (name, source, shard, position) VALUES (?, ?, ?, ?)`},
	setPosition: {"write the position of a group", `
		UPDATE entity_groups SET position = ? WHERE name = ? AND source = ? AND shard = ?`},
	putPending: {"write a pending change", `
		INSERT OR REPLACE INTO entity_pending (` + changeColumns + `, name, source, attempts, due, error, parked)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
	deletePending: {"delete pending changes", `
		DELETE FROM entity_pending WHERE name = ? AND source = ? AND position IN (SELECT value FROM json_each(?))`},
	pendingPage: {"list pending changes", pendingSelect +
		`(name, source, position) > (?, ?, ?) ORDER BY name, source, position` + limit},
	pendingPageOf: {"list pending changes", pendingSelect +
		`name = ? AND (source, position) > (?, ?) ORDER BY source, position` + limit},
	dropGroup:   {"drop a group", `DELETE FROM entity_groups WHERE name = ?`},
	dropPending: {"drop a group", `DELETE FROM entity_pending WHERE name = ?`},

	watchMany: {"read watches", watchSelect + manyKeys + ` ORDER BY name`},
	watchPage: {"list watches", watchSelect + ` > ? ORDER BY name` + limit},
	putWatch: {"write a watch", `
		INSERT OR REPLACE INTO entity_watches (name, "group", condition, progress, position, at) VALUES (?, ?, ?, ?, ?, ?)`},
	dropWatch: {"drop a watch", `DELETE FROM entity_watches WHERE name = ?`},

	newestToken: {"read a lease", `SELECT 1 FROM entity_leases WHERE name = ? AND number = ?`},
	leaseMany:   {"read leases", `SELECT name, holder, number, until FROM entity_leases WHERE name` + manyKeys},
	leasePage: {"list leases", `
		SELECT name, holder, number FROM entity_leases WHERE name >= ? AND holder <> '' AND until > ? ORDER BY name` + limit},
	putLease: {"write a lease", `INSERT OR REPLACE INTO entity_leases (name, holder, number, until) VALUES (?, ?, ?, ?)`},

	putFact: {"write a fact", `
		INSERT INTO store_facts (kind, hash, source, system, systems, data) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, hash) DO NOTHING`},
	linkFact: {"write a system of a fact", `INSERT INTO store_fact_systems (system, fact) VALUES (?, ?)`},
	linkSource: {"write a system of a source", `
		INSERT INTO store_source_systems (system, kind, source) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`},

	// A fact of a system is in one of the three parts. CROSS JOIN is a JOIN in the order in which it is written.
	factsOfMany: {"read facts", `
		SELECT asked.key, ` + ownColumns + ` FROM json_each(?1) asked CROSS JOIN store_facts f
		WHERE f.source = '' AND f.system = asked.value
		UNION ALL
		SELECT asked.key, ` + factColumns + ` FROM json_each(?1) asked CROSS JOIN store_fact_systems l
			CROSS JOIN store_facts f ON f.number = l.fact
		WHERE l.system = asked.value
		UNION ALL
		SELECT asked.key, ` + factColumns + ` FROM json_each(?1) asked CROSS JOIN store_source_systems l
			CROSS JOIN store_facts f ON f.kind = l.kind AND f.source = l.source
		WHERE l.system = asked.value AND f.source <> ''` + portion},
	factsOf: {"read facts", `
		SELECT 0, ` + ownColumns + ` FROM store_facts f WHERE f.source = '' AND f.system = ?1 AND f.number > ?2
		UNION ALL
		SELECT 0, ` + factColumns + ` FROM store_fact_systems l CROSS JOIN store_facts f ON f.number = l.fact
		WHERE l.system = ?1 AND l.fact > ?2
		UNION ALL
		SELECT 0, ` + factColumns + ` FROM store_source_systems l
			CROSS JOIN store_facts f ON f.kind = l.kind AND f.source = l.source
		WHERE l.system = ?1 AND f.source <> '' AND f.number > ?2
		ORDER BY number` + portion},
	factsFromMany: {"read facts of sources", `
		SELECT 0, ` + factColumns + ` FROM json_each(?2) asked CROSS JOIN store_facts f
		WHERE f.kind = ?1 AND f.source = asked.value AND f.source <> ''` + portion},
	factsFrom: {"read facts of sources", `
		SELECT 0, ` + factColumns + ` FROM store_facts f
		WHERE f.kind = ? AND f.source = ? AND f.source <> '' AND f.number > ? ORDER BY f.number` + portion},

	// A fact that stands for itself goes with the last of its systems.
	deleteFacts: {"delete facts", `
		DELETE FROM store_facts
		WHERE source = '' AND system = ? AND NOT EXISTS (SELECT 1 FROM store_fact_systems WHERE fact = number)`},
	unlinkFacts: {"delete facts", `UPDATE store_facts SET system = NULL WHERE source = '' AND system = ?`},
	deleteUnlinked: {"delete facts", `
		DELETE FROM store_facts
		WHERE number IN (SELECT fact FROM store_fact_systems WHERE system = ?1) AND system IS NULL
			AND NOT EXISTS (SELECT 1 FROM store_fact_systems WHERE fact = number AND system <> ?1)`},
	deleteLinks:   {"delete facts", `DELETE FROM store_fact_systems WHERE system = ?`},
	deleteSources: {"delete facts", `DELETE FROM store_source_systems WHERE system = ?`},
	historiesOf: {"read histories", `
		SELECT h.system, h.version, h.data FROM json_each(?) asked CROSS JOIN store_histories h
		WHERE h.system = asked.value`},
	putHistory: {"write a history", `
		INSERT INTO store_histories (system, version, data) VALUES (?, ?, ?) ON CONFLICT (system)
		DO UPDATE SET version = excluded.version, data = excluded.data WHERE version < excluded.version`},
	deleteHistory: {"delete a history", `DELETE FROM store_histories WHERE system = ?`},

	bumpVersion: {"bump a version", `
		INSERT INTO store_versions (kind, id, version) VALUES (?, ?, 1)` + nextVersion},
	bumpVersions: {"bump versions", `
		INSERT INTO store_versions (kind, id, version) SELECT ?, value, 1 FROM json_each(?) WHERE true` + nextVersion},
	readVersions: {"read versions", `
		SELECT kinds.key, ids.key, version FROM json_each(?) kinds CROSS JOIN json_each(kinds.value) ids
			CROSS JOIN store_versions v ON v.kind = kinds.key AND v.id = ids.value`},

	putRecord: {"write a record", insertRecord + `UPDATE SET data = excluded.data`},
	addRecord: {"add a record", insertRecord + `NOTHING`},
	recordsOfMany: {"read records", `
		SELECT r.id, r.sub, r.data FROM json_each(?2) asked CROSS JOIN store_records r
		WHERE r.kind = ?1 AND r.id = asked.value` + portion},
	recordsOf: {"read records", `
		SELECT id, sub, data FROM store_records WHERE kind = ? AND id = ? AND sub >= ? ORDER BY sub` + portion},
	recordsNamed: {"read records", `
		SELECT r.id, r.sub, r.data FROM json_each(?2) asked CROSS JOIN store_records r
		WHERE r.kind = ?1 AND r.id = asked.value ->> 0 AND r.sub = asked.value ->> 1`},
	recordsForward:  {"list records", recordRange + `id, sub LIMIT ?`},
	recordsBackward: {"list records", recordRange + `id DESC, sub DESC LIMIT ?`},
	deleteRecord:    {"delete a record", `DELETE FROM store_records WHERE kind = ? AND id = ? AND sub = ?`},
	deleteRecords:   {"delete records", `DELETE FROM store_records WHERE kind = ? AND id = ?`},
}
