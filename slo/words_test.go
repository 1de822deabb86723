package slo_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/slo"
)

func TestWordsAreThoseThatTheOracleHears(t *testing.T) {
	inEveryWorld(t, 80, worldOptions{}, func(w *world, rng *rand.Rand) error {
		whole, err := w.history()
		if err != nil {
			return err
		}
		binary, err := whole.MarshalBinary()
		if err != nil {
			return err
		}
		var read slo.SystemHistory
		if err := read.UnmarshalBinary(binary); err != nil {
			return err
		}
		n := rng.IntN(len(w.observations) + 1)
		grown, err := slo.NewSystemHistory(w.system, w.observations[:n], w.statements, w.corrections)
		if err != nil {
			return err
		}
		for i := range w.observations[n:] {
			if grown, err = grown.Add(w.observations[n+i]); err != nil {
				return err
			}
		}
		for _, at := range append(moments(rng, w, 20), start.AddDate(100, 0, 0), time.Time{}) {
			want := w.words(asked(at).UnixMicro())
			for _, h := range []*slo.SystemHistory{whole, &read, grown} {
				if diff := gocmp.Diff(want, h.Words(at)); diff != "" {
					return fmt.Errorf("words at %s (-want +got):\n%s", show(at), diff)
				}
			}
		}
		return nil
	})
}

// words returns the observations that hold at t, as they are merged.
func (f facts) words(t int64) []slo.Observation {
	last := func(check string) (slo.Observation, bool) {
		w, ok := f.lastWord(check, t)
		if !ok {
			return slo.Observation{}, false
		}
		o := slo.Observation{SystemID: f.system, CheckID: check, Health: w.health, Impact: float64(w.impact) / 1000, UpstreamID: w.upstream}
		if o.Health == slo.Healthy {
			o.Impact = 0
		}
		for _, ob := range f.observations {
			at := truncated(ob.At)
			if ob.CheckID == check && at.UnixMicro() <= t && (at.After(o.At) || at.Equal(o.At) && ob.Seq > o.Seq) {
				o.At, o.Seq = at, ob.Seq
			}
		}
		return o, true
	}
	if o, ok := last(""); ok {
		return []slo.Observation{o}
	}
	var list []slo.Observation
	for _, check := range f.checks() {
		if o, ok := last(check); ok {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b slo.Observation) int { return cmp.Compare(a.CheckID, b.CheckID) })
	return list
}

func TestWords(t *testing.T) {
	check := func(id string, at time.Time, health slo.Health) slo.Observation {
		return slo.Observation{SystemID: ownSystem, CheckID: id, At: at, Health: health}
	}
	feed := []slo.Observation{
		check("tcp", now, slo.Healthy),
		{SystemID: ownSystem, CheckID: "http", At: now.Add(time.Minute + 999), Seq: 7, Health: slo.Degraded, Impact: 0.25, UpstreamID: "db", Note: "slow"},
		check("tcp", now.Add(2*time.Minute), slo.Unknown),
		check("", now.Add(3*time.Minute), slo.Unhealthy),
		check("tcp", now.Add(4*time.Minute), slo.Healthy),
	}
	h, err := slo.NewSystemHistory(ownSystem, feed,
		[]slo.Statement{{Source: "incident", Outages: []slo.Outage{{SystemID: ownSystem, CheckID: "a", Start: now}}}},
		[]slo.Correction{{ID: "mistake", SystemID: ownSystem, CheckID: "http", From: now, Until: now.Add(time.Hour), Health: slo.Healthy}})
	if err != nil {
		t.Fatal(err)
	}
	http := feed[1]
	http.At, http.Note = now.Add(time.Minute), ""
	gone, down := feed[2], feed[3]
	gone.Impact, down.Impact = 1, 1
	for _, test := range []struct {
		name string
		at   time.Time
		want []slo.Observation
	}{
		{"before its first word a feed says nothing", now.Add(-time.Microsecond), nil},
		{"a word holds from its instant on", now, feed[:1]},
		{"each check has its own, by ID, neither corrected nor with what other sources say", now.Add(time.Minute), []slo.Observation{http, feed[0]}},
		{"the last word of each counts", now.Add(2 * time.Minute), []slo.Observation{http, gone}},
		{"the system's own word silences the checks", now.Add(3 * time.Minute), []slo.Observation{down}},
		{"and goes on to, also when they speak later", now.AddDate(50, 0, 0), []slo.Observation{down}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := gocmp.Diff(test.want, h.Words(test.at)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("a history without facts, and the zero one, have none", func(t *testing.T) {
		empty := mustHistory(t, ownSystem, nil)
		if got := append(empty.Words(now), new(slo.SystemHistory).Words(now)...); got != nil {
			t.Errorf("got %v", got)
		}
	})
}
