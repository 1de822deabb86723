package sqlite_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

var objectives = flag.Int("objectives", 5000, "how many objectives the daily job is measured with")

var noon = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)

// BenchmarkRunDaily measures the daily job of one night, of objectives each on a system of its own that had 20 outages: in
// memory, and durable in a file.
func BenchmarkRunDaily(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmarkRunDaily(b, memory.New()) })
	b.Run("sqlite", func(b *testing.B) {
		benchmarkRunDaily(b, openStore(b, filepath.Join(b.TempDir(), "daily.db"), nil))
	})
}

func benchmarkRunDaily(b *testing.B, s storage.Store) {
	clock := simclock.New(noon)
	e, err := engine.New(s, &engine.Options{Clock: clock})
	must(b, err)
	b.Cleanup(func() { must(b, e.Close()) })
	const batch = 500
	for first := 0; first < *objectives; first += batch {
		must(b, s.InTx(b.Context(), func(ctx context.Context) error {
			for n := range min(batch, *objectives-first) {
				if err := fail(ctx, e, fmt.Sprintf("objective-%06d", first+n), 20); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	must(b, e.RunDaily(b.Context(), clock.Now()))
	for b.Loop() {
		clock.Advance(24 * time.Hour)
		must(b, e.RunDaily(b.Context(), clock.Now()))
	}
}

// fail makes an objective since yesterday, and a system of the same name that had as many outages of five minutes.
func fail(ctx context.Context, e *engine.Engine, id string, outages int) error {
	yesterday := noon.AddDate(0, 0, -1)
	words := make([]slo.Observation, 0, 2*outages)
	for n := range outages {
		up := yesterday.Add(time.Duration(n-outages) * 5 * time.Hour)
		words = append(words, slo.Down(id, up.Add(-5*time.Minute)), slo.Up(id, up))
	}
	if err := e.Observe(ctx, words...); err != nil {
		return err
	}
	_, err := e.Create(ctx, slo.Objective{
		ID: id, SystemID: id, Target: 99.9, Window: slo.Days(30), DependencyExclusion: slo.SelfOnly, CreatedAt: yesterday,
	})
	return err
}
