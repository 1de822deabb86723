package postgres_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

var (
	benchObjectives   = flag.Int("objectives", 500, "how many objectives the benchmarks of questions and of the daily job have")
	benchObservations = flag.Int("observations", 50_000, "how many observations the benchmark of loading loads")
)

// noon is when the fleets are asked.
var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// fleet is many objectives, each on a system of its own that had as many outages of five minutes, the last a day ago.
type fleet struct {
	clock *simclock.Clock
	*engine.Engine
	ids []string
}

func newFleet(b *testing.B, store storage.Store, objectives, outages int, opts engine.Options) *fleet {
	b.Helper()
	f := &fleet{clock: simclock.New(noon)}
	opts.Clock = f.clock
	e, err := engine.New(store, &opts)
	ok(b, err)
	var declared []slo.Objective
	for n := range objectives {
		id := fmt.Sprintf("objective-%06d", n)
		f.ids = append(f.ids, id)
		declared = append(declared, slo.Objective{
			ID: id, SystemID: id, Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly, CreatedAt: noon.AddDate(0, 0, -1),
		})
	}
	for part := range slices.Chunk(declared, 1000) {
		_, err := e.Apply(b.Context(), part, nil)
		ok(b, err)
	}
	for part := range slices.Chunk(f.ids, max(1, 10_000/(2*outages))) {
		var words []slo.Observation
		for _, id := range part {
			words = append(words, outagesOf(id, outages)...)
		}
		ok(b, e.Observe(b.Context(), words...))
	}
	ok(b, e.Settle(b.Context()))
	ok(b, e.Close()) // the one that is measured has kept nothing
	f.Engine, err = engine.New(store, &opts)
	ok(b, err)
	b.Cleanup(func() { ok(b, f.Close()) })
	return f
}

func outagesOf(system string, outages int) (words []slo.Observation) {
	for n := range outages {
		up := noon.AddDate(0, 0, -1).Add(time.Duration(n-outages) * 5 * time.Hour)
		words = append(words, slo.Down(system, up.Add(-5*time.Minute)), slo.Up(system, up))
	}
	return words
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// analysed has the server look at how large the tables are, as it does by itself after a while.
func analysed(b *testing.B, pool *pgxpool.Pool) {
	_, err := pool.Exec(b.Context(), `VACUUM ANALYZE`)
	ok(b, err)
}

// plain is a Store that keeps no histories.
type plain struct{ storage.Store }

// All objectives asked at once, and one by one from their rows, by an Engine that has kept nothing.
func BenchmarkStatusesCold(b *testing.B) {
	pool := newPool(b, nil)
	store := open(b, pool, newSchema(b))
	f := newFleet(b, store, *benchObjectives, 100, engine.Options{KeepTimelines: -1})
	analysed(b, pool)
	b.Run("together", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := f.Statuses(b.Context(), f.ids)
			ok(b, err)
		}
	})
	b.Run("together, from facts", func(b *testing.B) {
		e, err := engine.New(plain{store}, &engine.Options{Clock: f.clock, KeepTimelines: -1})
		ok(b, err)
		defer func() { ok(b, e.Close()) }()
		b.ReportAllocs()
		for b.Loop() {
			_, err := e.Statuses(b.Context(), f.ids)
			ok(b, err)
		}
	})
	b.Run("one by one, from facts", func(b *testing.B) {
		e, err := engine.New(plain{store}, &engine.Options{Clock: f.clock, KeepTimelines: -1})
		ok(b, err)
		defer func() { ok(b, e.Close()) }()
		b.ReportAllocs()
		for b.Loop() {
			for _, id := range f.ids {
				_, err := e.Status(b.Context(), id)
				ok(b, err)
			}
		}
	})
}

func BenchmarkStatusesWarm(b *testing.B) {
	pool := newPool(b, nil)
	f := newFleet(b, open(b, pool, newSchema(b)), *benchObjectives, 100, engine.Options{KeepTimelines: 1 << 30})
	analysed(b, pool)
	_, err := f.Statuses(b.Context(), f.ids)
	ok(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := f.Statuses(b.Context(), f.ids)
		ok(b, err)
	}
}

// One observation on its own, beside a transaction of the driver that writes as many rows.
func BenchmarkObserve(b *testing.B) {
	pool := newPool(b, nil)
	f := newFleet(b, open(b, pool, newSchema(b)), 1, 100, engine.Options{})
	at := noon.AddDate(0, 0, -1)
	b.Run("engine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			at = at.Add(time.Microsecond)
			ok(b, f.Observe(b.Context(), slo.Up("another", at)))
		}
	})
	ok(b, f.Settle(b.Context()))
	b.Run("bare transaction", func(b *testing.B) {
		schema := newSchema(b)
		_, err := pool.Exec(b.Context(), fmt.Sprintf(`
			CREATE SCHEMA %[1]s;
			CREATE TABLE %[1]s.facts (kind text, hash bytea, system text, data bytea, PRIMARY KEY (hash, kind));
			CREATE TABLE %[1]s.versions (id text PRIMARY KEY, version bigint);
			CREATE TABLE %[1]s.touched (id text, version bigint, at bigint, PRIMARY KEY (id, version));
			INSERT INTO %[1]s.versions VALUES ('another', 0)`, schema))
		ok(b, err)
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			n++
			tx, err := pool.Begin(b.Context())
			ok(b, err)
			_, err = tx.Exec(b.Context(), `INSERT INTO `+schema+`.facts VALUES ('observation', $1, 'another', $2)`, fmt.Appendf(nil, "%032d", n), fmt.Appendf(nil, "%040d", n))
			ok(b, err)
			_, err = tx.Exec(b.Context(), `UPDATE `+schema+`.versions SET version = version + 1 WHERE id = 'another'`)
			ok(b, err)
			_, err = tx.Exec(b.Context(), `INSERT INTO `+schema+`.touched VALUES ('another', $1, $2)`, n, n)
			ok(b, err)
			ok(b, tx.Commit(b.Context()))
		}
	})
}

// The daily job over all objectives, on memory and here.
func BenchmarkRunDaily(b *testing.B) {
	for _, on := range []struct {
		name string
		open func(b *testing.B) storage.Store
	}{
		{"memory", func(*testing.B) storage.Store { return memory.New() }},
		{"postgres", func(b *testing.B) storage.Store { return open(b, newPool(b, nil), newSchema(b)) }},
	} {
		b.Run(on.name, func(b *testing.B) {
			f := newFleet(b, on.open(b), *benchObjectives, 20, engine.Options{})
			ok(b, f.RunDaily(b.Context(), f.clock.Now()))
			if on.name == "postgres" {
				analysed(b, newPool(b, nil))
			}
			b.ReportAllocs()
			for b.Loop() {
				f.clock.Advance(24 * time.Hour)
				ok(b, f.RunDaily(b.Context(), f.clock.Now()))
			}
		})
	}
}

// Observations come in calls of 10,000, of as many systems as have 1,000 each. What they take on disk is that of all tables
// and indexes that hold them.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		pool, schema := newPool(b, nil), newSchema(b)
		store := open(b, pool, schema)
		systems := max(1, *benchObservations/1000)
		e, err := engine.New(store, &engine.Options{Clock: simclock.New(noon), KeepTimelines: -1})
		ok(b, err)
		start := time.Now()
		for n := 0; n < systems; n += 10 {
			var words []slo.Observation
			for system := n; system < min(n+10, systems); system++ {
				words = append(words, outagesOf(fmt.Sprintf("system-%06d", system), 500)...)
			}
			ok(b, e.Observe(b.Context(), words...))
		}
		loaded := time.Since(start)
		ok(b, e.Settle(b.Context()))
		settled := time.Since(start)
		analysed(b, pool)
		total := float64(systems * 1000)
		b.ReportMetric(loaded.Seconds(), "s/load")
		b.ReportMetric((settled - loaded).Seconds(), "s/refresh")
		b.ReportMetric(onDisk(b, pool, schema, "store_facts")/total, "disk-B/observation")
		b.ReportMetric(onDisk(b, pool, schema, "store_histories")/total, "history-B/observation")
		_, err = e.Create(b.Context(), slo.Objective{ID: "asked", SystemID: "system-000000", Target: 99.9, Window: slo.Days(30)})
		ok(b, err)
		ok(b, e.Settle(b.Context()))
		start = time.Now()
		_, err = e.Status(b.Context(), "asked")
		ok(b, err)
		b.ReportMetric(float64(time.Since(start).Microseconds()), "us/ask")
		ok(b, e.Close())
	}
}

func onDisk(b *testing.B, pool *pgxpool.Pool, schema, table string) (size float64) {
	ok(b, pool.QueryRow(b.Context(), `SELECT pg_total_relation_size($1::text::regclass)`, schema+"."+table).Scan(&size))
	return size
}

// What a call with 10,000 new facts costs as the Store writes them, in arrays, and by COPY into a temporary table from which
// those that are new are then taken, which is the way around that COPY knows no ON CONFLICT.
func BenchmarkPutFacts(b *testing.B) {
	const facts = 10_000
	n := 0
	next := func() []storage.Fact {
		list := make([]storage.Fact, facts)
		for i := range list {
			n++
			list[i] = storage.Fact{Kind: "observation", Systems: []string{fmt.Sprintf("system-%d", n%100)}, Data: fmt.Appendf(nil, "%040d", n)}
		}
		return list
	}
	pool, schema := newPool(b, nil), newSchema(b)
	store := open(b, pool, schema)
	b.Run("arrays", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := store.PutFacts(b.Context(), next())
			ok(b, err)
		}
	})
	b.Run("copy", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			list := next()
			ok(b, pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error {
				_, err := tx.Exec(b.Context(), `CREATE TEMPORARY TABLE fresh (kind text, hash bytea, source text, system text, data bytea) ON COMMIT DROP`)
				ok(b, err)
				_, err = tx.CopyFrom(b.Context(), pgx.Identifier{"fresh"}, []string{"kind", "hash", "source", "system", "data"},
					pgx.CopyFromSlice(len(list), func(i int) ([]any, error) {
						hash := sha256.Sum256(list[i].Data)
						return []any{list[i].Kind, hash[:], "", list[i].Systems[0], list[i].Data}, nil
					}))
				ok(b, err)
				rows, _ := tx.Query(b.Context(), `INSERT INTO `+schema+`.store_facts (kind, hash, source, system, data)
					SELECT * FROM fresh ORDER BY hash ON CONFLICT (hash, kind) DO NOTHING RETURNING number, kind, hash`)
				for rows.Next() {
				}
				return rows.Err()
			}))
		}
	})
}
