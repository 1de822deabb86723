package sqlite_test

import (
	"database/sql"
	"encoding/binary"
	"path/filepath"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

// pause is how long nothing at all is done between two calls that are "alone".
const pause = time.Millisecond

// BenchmarkObserve compares an Engine's Observe of one word with a bare transaction that writes as many rows of like size
// with prepared statements: a fact with its two indexes, a version, and the row that says what is touched. Both wait for the
// disk. "alone" is what a caller waits for when all is at rest and there was a pause, neither of which is measured; after a
// pause the bare one takes longer, too. "sustained" is call upon call, so that each of the Engine's also waits for the
// Engine's own transaction in which what the call before has touched is refreshed.
func BenchmarkObserve(b *testing.B) {
	b.Run("alone/bare", func(b *testing.B) { benchmarkBareObserve(b, true) })
	b.Run("alone/engine", func(b *testing.B) { benchmarkObserve(b, true) })
	b.Run("sustained/bare", func(b *testing.B) { benchmarkBareObserve(b, false) })
	b.Run("sustained/engine", func(b *testing.B) { benchmarkObserve(b, false) })
}

func benchmarkObserve(b *testing.B, alone bool) {
	e, err := engine.New(openStore(b, filepath.Join(b.TempDir(), "engine.db"), nil), nil)
	must(b, err)
	b.Cleanup(func() { must(b, e.Close()) })
	at := time.Now().AddDate(0, -1, 0)
	for i := 0; b.Loop(); i++ {
		must(b, e.Observe(b.Context(), slo.Up(system(i%1000), at.Add(time.Duration(i)*time.Microsecond))))
		if alone {
			b.StopTimer()
			must(b, e.Settle(b.Context()))
			time.Sleep(pause)
			b.StartTimer()
		}
	}
}

func benchmarkBareObserve(b *testing.B, alone bool) {
	dsn := "file:" + filepath.Join(b.TempDir(), "bare.db") + "?_journal_mode=WAL&_txlock=immediate&_synchronous=FULL" +
		"&_pragma=cache_size(-32000)&_pragma=wal_autocheckpoint(4000)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`
		CREATE TABLE facts (number INTEGER PRIMARY KEY, kind TEXT, hash BLOB, system TEXT, data BLOB, UNIQUE (kind, hash));
		CREATE INDEX facts_system ON facts (system);
		CREATE TABLE versions (kind TEXT, id TEXT, version INTEGER, PRIMARY KEY (kind, id)) WITHOUT ROWID;
		CREATE TABLE records (kind TEXT, id TEXT, sub TEXT, data BLOB, PRIMARY KEY (kind, id, sub)) WITHOUT ROWID`); err != nil {
		b.Fatal(err)
	}
	var statements []*sql.Stmt
	for _, text := range []string{
		`INSERT INTO facts (kind, hash, system, data) VALUES ('observation', ?2, ?1, ?3)`,
		`INSERT INTO versions (kind, id, version) VALUES ('system', ?1, 1) ON CONFLICT DO UPDATE SET version = version + 1`,
		`INSERT INTO records (kind, id, sub, data) VALUES ('touched', ?1, ?4, x'00')`,
	} {
		stmt, err := db.Prepare(text)
		if err != nil {
			b.Fatal(err)
		}
		statements = append(statements, stmt)
	}
	data := make([]byte, 80)
	for i := 0; b.Loop(); i++ {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		hash := make([]byte, 32)
		binary.LittleEndian.PutUint64(hash, uint64(i)*0x9e3779b97f4a7c15)
		for _, stmt := range statements {
			if _, err := tx.Stmt(stmt).Exec(system(i%1000), hash, data, i); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
		if alone {
			b.StopTimer()
			time.Sleep(pause)
			b.StartTimer()
		}
	}
}
