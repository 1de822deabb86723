package sqlite_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
)

var observations = flag.Int("observations", 50_000, "how many observations BenchmarkLoad loads")

// BenchmarkLoad loads observations of a thousand systems, a thousand at a time in the order in which they were made, and
// says what one takes of the disk and how long a Status takes of an Engine that has kept nothing.
func BenchmarkLoad(b *testing.B) {
	const systems, batch = 1000, 1000
	path := filepath.Join(b.TempDir(), "load.db")
	clock := simclock.New(noon)
	load := func() {
		s := openStore(b, path, nil)
		e, err := engine.New(s, &engine.Options{Clock: clock})
		must(b, err)
		must(b, fail(b.Context(), e, system(0), 0))
		step := 25 * 24 * time.Hour / time.Duration(*observations)
		for n := 0; n < *observations; n += batch {
			words := make([]slo.Observation, 0, batch)
			for i := range min(batch, *observations-n) {
				at := noon.Add(time.Duration(n+i-*observations) * step)
				word := slo.Down(system(i%systems), at)
				if n/batch%2 == 1 {
					word.Health = slo.Healthy
				}
				words = append(words, word)
			}
			must(b, e.Observe(b.Context(), words...))
		}
		must(b, e.Settle(b.Context()))
		must(b, e.Close())
		must(b, s.Close()) // moves what is in the write-ahead log to the file
	}
	var took, asked time.Duration
	for b.Loop() {
		_ = os.Remove(path)
		began := time.Now()
		load()
		took += time.Since(began)
		s := openStore(b, path, nil)
		e, err := engine.New(s, &engine.Options{Clock: clock})
		must(b, err)
		began = time.Now()
		_, err = e.Status(b.Context(), system(0))
		asked += time.Since(began)
		must(b, err)
		must(b, e.Close())
		must(b, s.Close())
	}
	info, err := os.Stat(path)
	must(b, err)
	b.ReportMetric(float64(info.Size())/float64(*observations), "B/observation")
	b.ReportMetric(float64(*observations)*float64(b.N)/took.Seconds(), "observations/s")
	b.ReportMetric(asked.Seconds()*1000/float64(b.N), "ms/cold-status")
}

func system(n int) string { return fmt.Sprintf("system-%04d", n) }
