package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// BenchmarkAppend compares what a Registry does for a Mutate, a Lock and an Append of one entry with one transition, with a
// bare transaction that writes as many rows with prepared statements: an upsert, two inserts and an update. Both wait for
// the disk, or both do not.
func BenchmarkAppend(b *testing.B) {
	for _, relaxed := range []bool{false, true} {
		name, synchronous := "durable", "FULL"
		if relaxed {
			name, synchronous = "relaxed", "NORMAL"
		}
		b.Run(name+"/bare", func(b *testing.B) { benchmarkBare(b, synchronous) })
		b.Run(name+"/log", func(b *testing.B) {
			log := openLog(b, filepath.Join(b.TempDir(), "log.db"), &sqlite.Options{LoseLastOnPowerLoss: relaxed})
			for i := 0; b.Loop(); i++ {
				if err := write(b.Context(), log, fmt.Sprint("order-", i%1000), "paid"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchmarkBare(b *testing.B, synchronous string) {
	dsn := "file:" + filepath.Join(b.TempDir(), "bare.db") + "?_journal_mode=WAL&_txlock=immediate&_synchronous=" + synchronous
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`
		CREATE TABLE heads (id TEXT PRIMARY KEY, version INTEGER, at INTEGER, state TEXT);
		CREATE TABLE changes (position INTEGER PRIMARY KEY, at INTEGER, id TEXT, prev TEXT, next TEXT);
		CREATE INDEX changes_at ON changes (at);
		CREATE TABLE intervals (id TEXT, position INTEGER, since INTEGER, until INTEGER, PRIMARY KEY (id, position)) WITHOUT ROWID;
		CREATE INDEX intervals_until ON intervals (until) WHERE until IS NOT NULL`); err != nil {
		b.Fatal(err)
	}
	var statements []*sql.Stmt
	for _, text := range []string{
		`SELECT version, state FROM heads WHERE id = ?1`,
		`INSERT INTO heads (id, version, at, state) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (id) DO UPDATE SET version = excluded.version, at = excluded.at, state = excluded.state`,
		`INSERT INTO changes (at, id, prev, next) VALUES (?3, ?1, ?4, ?4)`,
		`UPDATE intervals SET until = ?3 WHERE id = ?1 AND position = ?2 - 1000`,
		`INSERT INTO intervals (id, position, since) VALUES (?1, ?2, ?3)`,
	} {
		stmt, err := db.Prepare(text)
		if err != nil {
			b.Fatal(err)
		}
		statements = append(statements, stmt)
	}
	const state = `{"name":"paid","total":4200}`
	for i := 0; b.Loop(); i++ {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for j, stmt := range statements {
			id, at := fmt.Sprint("order-", i%1000), time.Now().UnixMicro()
			if j == 0 {
				var version int64
				var text string
				if err := tx.Stmt(stmt).QueryRow(id).Scan(&version, &text); err != nil && err != sql.ErrNoRows {
					b.Fatal(err)
				}
				continue
			}
			if _, err := tx.Stmt(stmt).Exec(id, i, at, state); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendMany measures Lock and Append of a thousand entries in one transaction.
func BenchmarkAppendMany(b *testing.B) {
	log := openLog(b, filepath.Join(b.TempDir(), "log.db"), nil)
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("order-%04d", i)
	}
	for b.Loop() {
		if err := log.InTx(b.Context(), func(ctx context.Context) error { return publish(ctx, log, "paid", ids...) }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRelay measures moving changes to the feed and reading them there, with a thousand at a time.
func BenchmarkRelay(b *testing.B) {
	log := openLog(b, filepath.Join(b.TempDir(), "log.db"), nil)
	token := lease(b, log, entity.LeaseRelay)
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = fmt.Sprintf("order-%04d", i)
	}
	var after int64
	for b.Loop() {
		b.StopTimer()
		if err := log.InTx(b.Context(), func(ctx context.Context) error { return publish(ctx, log, "paid", ids...) }); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := log.Relay(b.Context(), token, len(ids)); err != nil {
			b.Fatal(err)
		}
		for c, err := range log.Changes(b.Context(), after) {
			if err != nil {
				b.Fatal(err)
			}
			after = c.Position
		}
	}
}
