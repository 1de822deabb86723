package engine_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
)

// host is an Engine on a store in memory, and the clock that both live by.
type host struct {
	*engine.Engine
	store storage.Store
	clock *simclock.Clock
}

// newHost makes one at noon. Of the options the Clock is set.
func newHost(t testing.TB, opts engine.Options) *host {
	t.Helper()
	return hostOn(t, memory.New(), simclock.New(noon), opts)
}

func hostOn(t testing.TB, store storage.Store, clock *simclock.Clock, opts engine.Options) *host {
	t.Helper()
	opts.Clock = clock
	e, err := engine.New(store, &opts)
	ok(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return &host{e, store, clock}
}

// minutes is an instant so many minutes before noon, or after it.
func minutes(n float64) time.Time { return noon.Add(time.Duration(n * float64(time.Minute))) }

// simple is an objective of 99.9 % over 30 days, named as its system.
func simple(system string) slo.Objective {
	return slo.Objective{ID: system, SystemID: system, Target: 99.9, Window: slo.Days(30)}
}

func (h *host) create(t testing.TB, objectives ...slo.Objective) {
	t.Helper()
	for _, o := range objectives {
		_, err := h.Create(t.Context(), o)
		ok(t, err)
	}
}

func (h *host) status(t testing.TB, id string) slo.Status {
	t.Helper()
	st, err := h.Status(t.Context(), id)
	ok(t, err)
	return st
}

func (h *host) downtimes(t testing.TB, id string) []slo.Downtime {
	t.Helper()
	list, err := h.Downtimes(t.Context(), id)
	ok(t, err)
	return list
}

// inShort is n, or at most as many in short mode, in which the race detector runs.
func inShort(n, short int) int {
	if testing.Short() {
		return min(n, short)
	}
	return n
}

// equal compares values; want comes first in what it shows.
func equal(t testing.TB, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// fails says that an error matches, and is wrapped with something that says more.
func fails(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// chance is true n times in a hundred.
func chance(rng *rand.Rand, n int) bool { return rng.IntN(100) < n }

// rows is all that a store holds of systems and records, but for what the refresher has yet to do.
type rows struct {
	Facts   map[string]int // kind, system and data -> how many times
	Records map[string]string
}

// dump reads the facts of systems and all records of the engine's kinds.
func dump(t testing.TB, store storage.Store, systems ...string) rows {
	t.Helper()
	r := rows{map[string]int{}, map[string]string{}}
	for f, err := range store.FactsOf(context.Background(), systems) {
		ok(t, err)
		r.Facts[f.SystemID+" "+f.Kind+" "+string(f.Data)]++
	}
	for _, kind := range []string{"objective", "member", "name", "dependent", "progress", "day", "achievement", "milestone", "digest"} {
		for record, err := range store.List(context.Background(), storage.Range{Kind: kind}) {
			ok(t, err)
			r.Records[kind+" "+record.ID+" "+record.Sub] = string(record.Data)
		}
	}
	return r
}

// hostHealth is a host's live health that tests set, and that counts how often it is asked, and for which systems.
type hostHealth struct {
	reports map[string]engine.HealthReport
	err     error
	panics  bool

	mu    sync.Mutex
	calls int
	asked []string // by the last call
}

func (h *hostHealth) ask(_ context.Context, systems []string) (map[string]engine.HealthReport, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	h.asked = systems
	if h.panics {
		panic("the host's health")
	}
	return h.reports, h.err
}
