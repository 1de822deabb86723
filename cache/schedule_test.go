package cache_test

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var (
	schedules     = flag.Int("schedules", 250, "how many random schedules each provider is tried on; a fifth under -short")
	firstSchedule = flag.Uint64("schedule", 1, "the seed of the first random schedule; each next one has the next")
)

// newWorld makes a world without scopes. Of four worlds one has everything fail now and then, and one is calm.
func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 6)), slow: time.Millisecond}
	switch seed % 4 {
	case 0:
		w.failing = 0.05
	case 1:
		w.calm = true
	}
	return w
}

// onEverySchedule runs many worlds, each in a bubble of its own.
func onEverySchedule(t *testing.T, people func(t *testing.T, w *world, opts *cache.Options)) {
	n := *schedules
	if testing.Short() {
		n = max(n/5, 1)
	}
	for i := range n {
		seed := *firstSchedule + uint64(i)
		inBubble(t, func(t *testing.T) {
			w := newWorld(t, seed)
			people(t, w, &cache.Options{TTL: 24 * time.Hour, NegativeTTL: time.Duration(seed%3) * time.Hour})
			w.run()
		})
		if t.Failed() {
			t.Fatalf("to see it again: go test -run '^%s$' ./cache -schedule %d -schedules 1", t.Name(), seed)
		}
	}
}

func TestNothingOldIsGivenOnMemoryWhateverTheSchedule(t *testing.T) {
	onEverySchedule(t, func(t *testing.T, w *world, opts *cache.Options) {
		m := newMemory(t, &cache.MemoryOptions[string]{MaxCost: 1 << 49, Cost: func(string, string) int64 {
			w.pause() // between the end of a load and what it stores
			return 1
		}})
		w.scopes = append(w.scopes, newScope(t, m, opts), newScope(t, m, opts))
		w.oneLoadInACalm(t)
	})
}

func TestNothingOldIsGivenByAProviderThatCannotFenceWhateverTheSchedule(t *testing.T) {
	onEverySchedule(t, func(t *testing.T, w *world, opts *cache.Options) {
		f := &fake{before: w.hook, after: w.hook}
		w.scopes, w.provider = append(w.scopes, newScope(t, f, opts)), f
		w.oneLoadInACalm(t)
	})
}

func TestNothingOldIsGivenInTwoProcessesOnAFencedProviderWhateverTheSchedule(t *testing.T) {
	onEverySchedule(t, func(t *testing.T, w *world, opts *cache.Options) {
		f := &fencedFake{fake: fake{before: w.hook, after: w.hook}}
		w.scopes, w.provider = append(w.scopes, newScope(t, f, opts), newScope(t, f, opts)), &f.fake
		w.flush, f.unread = f.flush, func(string) bool { return w.chance(w.failing) }
		if w.calm { // each process would load for itself
			w.scopes = w.scopes[:1]
		}
		w.oneLoadInACalm(t)
	})
}

// oneLoadInACalm checks at the end that where nothing is invalidated each key was loaded once.
func (w *world) oneLoadInACalm(t *testing.T) {
	t.Cleanup(func() {
		for key, n := range w.loads {
			if w.calm && n > 1 {
				t.Errorf("seed %d: %d loads of %s", w.seed, n, key)
			}
		}
	})
}
