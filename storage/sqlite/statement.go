package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
)

// statement names one of the statements that a Log prepares, on each connection once.
type statement int

// The statements. Those whose names end in Many take listSize keys, where fewer are asked for the last one repeatedly.
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
)

// What is asked for or deleted in one statement.
const (
	listSize  = 32
	pageSize  = 256
	trimBatch = 1000
)

const (
	limit         = ` LIMIT 256`
	headColumns   = `SELECT id, version, at, state, published FROM entity_heads WHERE kind = ?`
	changeColumns = `position, at, kind, id, version, fields, actor_type, actor_id, actor_name, prev, next`
	pendingSelect = `SELECT ` + changeColumns + `, name, source, attempts, due, error, parked FROM entity_pending WHERE `
	watchSelect   = `SELECT name, "group", condition, progress, position, at FROM entity_watches WHERE name`
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
}

// statements are those that are prepared on the connections of one pool.
type statements struct {
	db       *sql.DB
	mu       sync.Mutex
	prepared [len(statementTexts)]*sql.Stmt
}

// get returns a statement, prepared at the first call.
func (ss *statements) get(ctx context.Context, s statement) (*sql.Stmt, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.prepared[s] == nil {
		stmt, err := ss.db.PrepareContext(ctx, statementTexts[s].text)
		if err != nil {
			return nil, err
		}
		ss.prepared[s] = stmt
	}
	return ss.prepared[s], nil
}

// prepareAll prepares every statement, so that no get in a transaction waits for the connection that the transaction has.
func (ss *statements) prepareAll(ctx context.Context) error {
	for s := range statementTexts {
		if _, err := ss.get(ctx, statement(s)); err != nil {
			return failed("prepare to "+statementTexts[s].what, err)
		}
	}
	return nil
}

func (ss *statements) close() {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, stmt := range ss.prepared {
		if stmt != nil {
			_ = stmt.Close()
		}
	}
}

// query reads rows into memory: through the transaction of ctx where there is one, else on a connection of the readers.
// scan is called for each.
func (l *Log) query(ctx context.Context, s statement, scan func(*sql.Rows) error, args ...any) error {
	if t := l.transaction(ctx); t != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		return t.query(s, scan, args...)
	}
	if err := l.check(); err != nil {
		return err
	}
	var rows *sql.Rows
	err := l.patiently(ctx, func() error {
		stmt, err := l.onReaders.get(ctx, s)
		if err == nil {
			rows, err = stmt.QueryContext(ctx, args...)
		}
		return err
	})
	if err == nil {
		err = drain(rows, scan)
	}
	if err != nil {
		err = cmp.Or(l.check(), err)
	}
	return failed(statementTexts[s].what, err)
}

// query reads rows into memory.
func (t *transaction) query(s statement, scan func(*sql.Rows) error, args ...any) error {
	t.statement.Lock()
	defer t.statement.Unlock()
	stmt, err := t.get(s)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err == nil {
		err = drain(rows, scan)
	}
	return failed(statementTexts[s].what, err)
}

// exec runs a statement that returns nothing. No ctx interrupts it, since that would make SQLite roll back.
func (t *transaction) exec(s statement, args ...any) (sql.Result, error) {
	t.statement.Lock()
	defer t.statement.Unlock()
	stmt, err := t.get(s)
	if err != nil {
		return nil, err
	}
	result, err := stmt.Exec(args...)
	return result, failed(statementTexts[s].what, err)
}

// get returns a statement of the transaction.
func (t *transaction) get(s statement) (*sql.Stmt, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.prepared[s] == nil {
		stmt, err := t.log.onWriter.get(context.Background(), s)
		if err != nil {
			return nil, failed("prepare to "+statementTexts[s].what, err)
		}
		t.prepared[s] = t.tx.Stmt(stmt)
	}
	return t.prepared[s], nil
}

func drain(rows *sql.Rows, scan func(*sql.Rows) error) error {
	for rows.Next() {
		if err := scan(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
