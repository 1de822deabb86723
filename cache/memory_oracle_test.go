package cache_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var oracleRuns = flag.Int("oracles", 45, "how many random runs a Memory is compared with its oracle in; a third under -short")

// oracle is what a Memory promises, written down plainly: what was set last and not removed, and until when. What is dropped
// to make room is the Memory's choice, which the oracle learns by looking.
type oracle struct {
	t          *testing.T
	m          *cache.Memory[string]
	seed       uint64
	maxEntries int
	maxCost    int64
	cost       func(key, v string) int64
	expires    bool // some entries do while the run lasts
	list       []promise
	often      bool   // it is compared after each call
	evicted    uint64 // when it was last compared
}

type promise struct {
	key, value string
	absent     bool
	until      time.Time
}

func (o *oracle) find(key string) int {
	for i, k := range o.list {
		if k.key == key {
			return i
		}
	}
	return -1
}

func (o *oracle) remove(gone func(key string) bool) {
	var left []promise
	for _, k := range o.list {
		if !gone(k.key) {
			left = append(left, k)
		}
	}
	o.list = left
}

func (o *oracle) costOf(k promise) int64 {
	switch {
	case o.cost == nil:
		return 0
	case k.absent:
		return 1
	}
	return max(o.cost(k.key, k.value), 0)
}

func (o *oracle) set(key, value string, absent bool, ttl time.Duration) {
	k := promise{key: key, value: value, absent: absent, until: time.Now().Add(ttl)}
	item := cache.Item[string]{Key: key, Entry: cache.Entry[string]{Value: value, Absent: absent}, TTL: ttl}
	before := o.m.Stats()
	noError(o.t, o.m.Set(o.t.Context(), "s:", []cache.Item[string]{item}))
	fits := (o.maxEntries == 0 || int(before.Entries) < o.maxEntries) && (o.cost == nil || before.Cost+o.costOf(k) <= o.maxCost)
	if evicted := o.m.Stats().Evicted - before.Evicted; fits && evicted > 0 {
		o.t.Fatalf("seed %d: %d entries were dropped, and there was room", o.seed, evicted)
	}
	o.remove(func(other string) bool { return other == key })
	if o.cost == nil || o.costOf(k) <= o.maxCost {
		o.list = append(o.list, k)
		if _, found := o.get(key); !found {
			o.t.Fatalf("seed %d: %s was set and is not there", o.seed, key)
		}
	}
}

func (o *oracle) get(key string) (e cache.Entry[string], found bool) {
	noError(o.t, o.m.Get(o.t.Context(), "s:", []string{key}, func(_ int, got cache.Entry[string]) { e, found = got, true }))
	return e, found
}

// compare looks for each key. What is missing must have been dropped for room, or be over its time.
func (o *oracle) compare(keys []string) {
	missing := 0
	for _, key := range keys {
		e, found := o.get(key)
		i := o.find(key)
		switch {
		case i < 0 && found:
			o.t.Fatalf("seed %d: %s is %+v, and was removed, or dropped, or never set", o.seed, key, e)
		case i < 0:
		case found && (e.Value != o.list[i].value || e.Absent != o.list[i].absent):
			o.t.Fatalf("seed %d: %s is %+v, want %+v", o.seed, key, e, o.list[i])
		case found && time.Since(o.list[i].until) > 20*time.Millisecond:
			o.t.Fatalf("seed %d: %s is given %v after its time", o.seed, key, time.Since(o.list[i].until))
		case !found:
			if time.Now().Before(o.list[i].until) {
				missing++
			}
			o.remove(func(other string) bool { return other == key })
		}
	}
	o.counts(missing)
}

// counts compares what a Memory counts with what the oracle has seen to be missing, all keys having been looked for.
func (o *oracle) counts(missing int) {
	stats := o.m.Stats()
	evicted := int(stats.Evicted - o.evicted)
	o.evicted = stats.Evicted
	var cost int64
	for _, k := range o.list {
		cost += o.costOf(k)
	}
	ok := missing <= evicted && stats.Entries >= int64(len(o.list)) && stats.Cost >= cost
	if !o.expires {
		ok = ok && stats.Entries == int64(len(o.list)) && stats.Cost == cost && stats.Expired == 0
	}
	if o.often && !o.expires {
		ok = ok && missing == evicted
	}
	if !ok {
		o.t.Fatalf("seed %d: %d missing, %d dropped, %d left that cost %d: %+v", o.seed, missing, evicted, len(o.list), cost, stats)
	}
}

// bounds checks what holds after every call.
func (o *oracle) bounds() {
	stats := o.m.Stats()
	if o.maxEntries > 0 && stats.Entries > int64(o.maxEntries) || o.cost != nil && stats.Cost > o.maxCost {
		o.t.Fatalf("seed %d: %+v, want at most %d entries and cost %d", o.seed, stats, o.maxEntries, o.maxCost)
	}
}

func TestAMemoryEqualsTheOracleAfterEachCall(t *testing.T) {
	runs := *oracleRuns
	if testing.Short() {
		runs /= 3
	}
	for seed := range uint64(runs) {
		inBubble(t, func(t *testing.T) { oneOracle(t, seed) })
	}
}

func oneOracle(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	o := &oracle{t: t, seed: seed, expires: seed%2 == 1}
	opts := &cache.MemoryOptions[string]{}
	if seed%3 < 2 {
		opts.MaxEntries = 1 + rng.IntN(60)
	}
	if seed%3 > 0 {
		opts.MaxCost = int64(1 + rng.IntN(200))
		opts.Cost = func(_, v string) int64 { return int64(len(v)) - 2 }
	}
	o.maxEntries, o.maxCost, o.cost = opts.MaxEntries, opts.MaxCost, opts.Cost
	o.m = newMemory(t, opts)
	keys := make([]string, 80)
	for i := range keys {
		keys[i] = fmt.Sprintf("%c:%d:%d", 'a'+i%4, i%3, i)
	}
	o.often = rng.IntN(2) == 0 // and all are asked for all the time
	for step := range 300 {
		key := keys[rng.IntN(len(keys))]
		ttl := time.Hour
		if o.expires {
			ttl = time.Duration(1 + rng.IntN(int(200*time.Millisecond)))
		}
		switch what := rng.IntN(100); {
		case what < 70:
			o.set(key, strings.Repeat("v", 1+rng.IntN(12))+fmt.Sprint(step), rng.IntN(8) == 0, ttl)
		case what < 75 && o.cost != nil:
			o.set(key, strings.Repeat("v", 300), false, ttl)
		case what < 90:
			noError(t, o.m.Delete(t.Context(), "s:", []string{key, keys[0]}))
			o.remove(func(other string) bool { return other == key || other == keys[0] })
		case what < 92:
			prefix := []string{"a:", "b:1:", "c:", "nothing:"}[rng.IntN(4)]
			noError(t, o.m.DeletePrefix(t.Context(), "s:", prefix))
			o.remove(func(other string) bool { return strings.HasPrefix(other, prefix) })
		case what < 98:
			time.Sleep(time.Duration(rng.IntN(int(30 * time.Millisecond))))
		default:
			o.get(key)
		}
		o.bounds()
		if o.often || rng.IntN(20) == 0 {
			o.compare(keys)
		}
	}
	o.compare(keys)
}
