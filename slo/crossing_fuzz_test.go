package slo_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slokeep/slokeep/slo"
)

func FuzzNextCrossing(f *testing.F) {
	f.Add([]byte(nil))
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 7))
		data := make([]byte, 20+rng.IntN(300))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rng := rand.New(newBytesSource(data))
		w := randomWorld(rng, worldOptions{facts: 1 + rng.IntN(8)})
		if err := checkCrossings(w, rng, 3); err != nil {
			t.Fatalf("%v\n%v", err, w)
		}
	})
}

// FuzzCrossingBounds asks with thresholds, lengths and instants of any size: each is refused or answered, without a
// panic, and what is shown at the answer agrees with it.
func FuzzCrossingBounds(f *testing.F) {
	f.Add(uint8(0), uint8(0), 0.0, int64(0), int64(0), int64(0), int64(0), 0.0, int64(0))
	f.Add(uint8(5), uint8(3), 14.4, int64(0), int64(0), int64(3600e9), int64(300e9), 0.0, now.UnixMicro())
	f.Add(uint8(5), uint8(0), 0.0, int64(0), int64(0), int64(3600e9), int64(3600e9), 2.0, now.UnixMicro())
	f.Add(uint8(4), uint8(2), 1e8, int64(0), int64(3650*day), int64(0), int64(0), 0.0, int64(1)<<62)
	f.Add(uint8(1), uint8(0), -1e6, int64(-1)<<63, int64(0), int64(0), int64(0), 0.0, int64(-1)<<63)
	w := monthly()
	w.say(out(before(90*day), before(89*day)), out(before(day), before(23*time.Hour)))
	w.word("", before(30*time.Minute), slo.Unhealthy)
	w.objective.Revisions = []slo.Revision{{Until: before(12 * time.Hour), Target: 95, Window: slo.Calendar(slo.Week, berlin)}}
	tl := w.timeline(f)
	f.Fuzz(func(t *testing.T, metric, comparison uint8, value float64, duration, lookback, long, short int64, share float64, at int64) {
		c := slo.Crossing{
			Metric: slo.Metric(metric), Comparison: slo.Comparison(comparison), Value: value,
			Duration: time.Duration(duration), Lookback: time.Duration(lookback),
			Rule: slo.BurnRule{Severity: slo.Page, Long: time.Duration(long), Short: time.Duration(short), Factor: value, Share: share},
		}
		got, err := tl.NextCrossing(time.UnixMicro(at), c)
		if err != nil {
			if !errors.Is(err, slo.ErrInvalid) || !got.IsZero() {
				t.Fatalf("answer %v, error %v", got, err)
			}
			return
		}
		if got.IsZero() || got.After(lastInstant) {
			return
		}
		if got.Before(asked(time.UnixMicro(at))) {
			t.Fatalf("from %s on %+v holds at %s", show(time.UnixMicro(at)), c, show(got))
		}
		holds, known, err := shownHolds(tl, c, got)
		if err != nil || known && !holds {
			t.Fatalf("from %s on %+v holds at %s, but what is shown says otherwise (%v)", show(time.UnixMicro(at)), c, show(got), err)
		}
	})
}
