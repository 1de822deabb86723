package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/storagetest"
)

// caches are stores, and what processes share beside them, that keep histories not at all, well, and so that they cannot be
// relied on.
var caches = []struct {
	name   string
	make   func() storage.Store
	shared func(t testing.TB) cache.Provider[[]byte]
}{
	{"without a cache", func() storage.Store { return memory.New() }, noProvider},
	{"with a cache", func() storage.Store { return storagetest.WithHistories(memory.New()) }, noProvider},
	{"with a cache that is not to be relied on", func() storage.Store { return newFickle() }, noProvider},
	{"with a shared cache", func() storage.Store { return memory.New() }, goodProvider},
	{"with a shared cache that is not to be relied on", func() storage.Store { return memory.New() }, fickleProvider},
}

// fickle is a cache that forgets at random, and damages what it gives.
type fickle struct {
	storage.Store
	storage.HistoryCache
	mu  sync.Mutex
	rng *rand.Rand
}

func newFickle() *fickle {
	store := storagetest.WithHistories(memory.New())
	return &fickle{Store: store, HistoryCache: store, rng: rand.New(rand.NewPCG(3, 3))}
}

func (f *fickle) Unwrap() entity.Log { return f.Store }

func (f *fickle) Histories(ctx context.Context, systems []string) iter.Seq2[storage.History, error] {
	return func(yield func(storage.History, error) bool) {
		for h, err := range f.HistoryCache.Histories(ctx, systems) {
			if f.damage(&h) && !yield(h, err) {
				return
			}
		}
	}
}

// damage reports whether anything is left.
func (f *fickle) damage(h *storage.History) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	h.Data = bytes.Clone(h.Data)
	n := f.rng.IntN(len(h.Data))
	switch f.rng.IntN(10) {
	case 0:
		return false
	case 1: // it has missed the last change
		h.Version--
	case 2:
		h.Data = h.Data[:n]
	case 3:
		h.Data = append(h.Data[n:], h.Data[:n]...)
	case 4:
		h.Data[0]++
	case 5:
		h.Data[n] ^= 1 << f.rng.IntN(8)
	}
	return true
}

// histories are what the store keeps beside the facts, by system.
func histories(t testing.TB, store storage.Store, systems ...string) map[string]storage.History {
	t.Helper()
	found := map[string]storage.History{}
	for h, err := range store.(storage.HistoryCache).Histories(context.Background(), systems) {
		ok(t, err)
		found[h.SystemID] = h
	}
	return found
}

func systemVersion(t testing.TB, store storage.Store, id string) int64 {
	t.Helper()
	versions, err := store.Versions(context.Background(), []storage.VersionKey{{Kind: "system", ID: id}})
	ok(t, err)
	return versions[0]
}

// cachingHost has an objective on a system of which all kinds of facts are known, and that is in the cache.
func cachingHost(t testing.TB) (h *host, faults *storagetest.Faults) {
	t.Helper()
	faults = &storagetest.Faults{}
	h = hostOn(t, faults.Wrap(storagetest.WithHistories(memory.New())), simclock.New(noon), engine.Options{})
	o := simple("api")
	o.DependencyExclusion, o.ExcludeMaintenance = slo.SelfOnly, true
	h.create(t, o)
	for _, c := range []call{
		needs("api", -5000, "db"), outage("db", -60, -30), outage("api", -58, -28), outageOpen("api", -9), naming("db", "Orders"),
		stated("incident", 1, incident("api", -100, -90)), needs("api", -95, "db", "gone"),
		correcting(slo.Correction{ID: "c", SystemID: "api", From: minutes(-29), Until: minutes(-28), Health: slo.Degraded}),
		maintaining(slo.Maintenance{ID: "m", SystemID: "api", Start: minutes(-5), End: minutes(-4)}),
	} {
		ok(t, c.do(context.Background(), h.Engine))
	}
	ok(t, h.DeleteSystem(context.Background(), "gone"))
	ok(t, outage("gone", -9, -6).do(context.Background(), h.Engine)) // which excuses nobody any more
	ok(t, h.Settle(context.Background()))
	return h, faults
}

// cold is an Engine that has kept nothing, on the store of another.
func (h *host) cold(t testing.TB) *host {
	t.Helper()
	return hostOn(t, h.store, h.clock, engine.Options{KeepTimelines: -1})
}

func TestWhatTheRefresherHasReadIsReadFromTheCache(t *testing.T) {
	h, faults := cachingHost(t)
	for id, kept := range histories(t, h.store, "api", "db", "gone") {
		equal(t, "version of "+id, systemVersion(t, h.store, id), kept.Version)
	}
	equal(t, "systems that are kept", 3, len(histories(t, h.store, "api", "db", "gone")))
	faults.Reset()
	got := ask(t, h.cold(t), []string{"api"})
	equal(t, "calls for facts", 0, faults.Calls()["FactsOf"])
	equal(t, "answers", ask(t, hostOn(t, untouched{h.store}, h.clock, engine.Options{}), []string{"api"}), got) // which is no cache
	health := hostHealth{reports: reports{"api": {Health: slo.Healthy, Since: minutes(-1)}}}
	knowing := hostOn(t, h.store, h.clock, engine.Options{Health: health.ask})
	equal(t, "down, and where live health knows more", [2]bool{true, false}, [2]bool{got["api"].Status.Down, knowing.status(t, "api").Down})
	if faults.Calls()["FactsOf"] == 0 {
		t.Error("no facts were read without the cache")
	}
}

// TestBytesThatCannotBeReadAreReadFromFacts damages each byte, and leaves off the end, everywhere.
func TestBytesThatCannotBeReadAreReadFromFacts(t *testing.T) {
	h, faults := cachingHost(t)
	whole := histories(t, h.store, "api")["api"]
	cold := h.cold(t)
	want := cold.status(t, "api")
	try := func(what string, data []byte, facts int) {
		t.Helper()
		ok(t, h.store.Delete(t.Context(), []storage.Key{{Kind: "history", ID: "api"}}))
		ok(t, h.store.(storage.HistoryCache).PutHistories(t.Context(), []storage.History{{SystemID: "api", Version: whole.Version, Data: data}}))
		faults.Reset()
		got := cold.status(t, "api")
		if diff := cmp.Diff(want, got); diff != "" || faults.Calls()["FactsOf"] != facts {
			t.Fatalf("%s: %v calls\n%s", what, faults.Calls(), diff)
		}
	}
	try("as it was", whole.Data, 0)
	for i := range whole.Data {
		try(fmt.Sprintf("the first %d bytes", i), whole.Data[:i], 1)
		damaged := bytes.Clone(whole.Data)
		damaged[i] ^= byte(1 << (i % 8))
		try(fmt.Sprintf("another byte %d", i), damaged, 1)
	}
	newer := append([]byte{whole.Data[0] + 1}, whole.Data[1:len(whole.Data)-4]...)
	try("of another version", binary.BigEndian.AppendUint32(newer, crc32.Checksum(newer, crc32.MakeTable(crc32.Castagnoli))), 1)
	try("another system's", histories(t, h.store, "db")["db"].Data, 1)
	try("a byte more", append(bytes.Clone(whole.Data), 0), 1)
	try("nothing", nil, 1)
}

// TestWhatIsNeverCommittedReachesNoCache works out histories in transactions that come to nothing. The next fact gets the
// version that theirs had.
func TestWhatIsNeverCommittedReachesNoCache(t *testing.T) {
	h, faults := cachingHost(t)
	ctx := t.Context()
	before := histories(t, h.store, "api", "db")
	came(t, h, observing(slo.Down("db", minutes(-8))), func(in context.Context) {
		ok(t, h.RunDaily(in, noon))
		h.cold(t).status(t, "api")
		_, err := h.Status(in, "api")
		ok(t, err)
	})
	equal(t, "histories after a transaction that failed", before, histories(t, h.store, "api", "db"))

	ok(t, h.Close())
	quiet := hostOn(t, untouched{h.store}, h.clock, engine.Options{}) // it leaves the refresh to others
	ok(t, quiet.Observe(ctx, slo.Up("db", minutes(-7))))
	ok(t, quiet.Close())
	faults.Fail(storagetest.Fault{Method: "InTx", When: storagetest.AtCommit})
	h = hostOn(t, h.store, h.clock, engine.Options{Poll: time.Hour})
	fails(t, "Settle", h.Settle(ctx), storagetest.ErrFault)
	ok(t, h.Close())
	faults.Reset()
	equal(t, "histories after a refresh that failed", before, histories(t, h.store, "api", "db"))
	h = hostOn(t, h.store, h.clock, engine.Options{})
	ok(t, h.Settle(ctx))
	equal(t, "version of the history", systemVersion(t, h.store, "db"), histories(t, h.store, "db")["db"].Version)
	want := hostOn(t, untouched{h.store}, h.clock, engine.Options{}) // untouched is no cache
	equal(t, "answers", ask(t, want, []string{"api"}), ask(t, h.cold(t), []string{"api"}))
}

// TestALongHistoryIsWrittenOnceADay keeps what a feed costs in proportion: an observation is a few rows, and a history of
// thousands of outages would be written again for each.
func TestALongHistoryIsWrittenOnceADay(t *testing.T) {
	store := storagetest.WithHistories(memory.New())
	h := hostOn(t, store, simclock.New(noon), engine.Options{})
	ctx := t.Context()
	h.create(t, simple("short"), simple("long"))
	outages := map[string]int{"short": 200, "long": 10_000}
	observe := func(ends time.Time) {
		var words []slo.Observation
		for id, n := range outages {
			for i := range n {
				down := ends.Add(time.Duration(i-n) * time.Minute)
				words = append(words, slo.Down(id, down), slo.Up(id, down.Add(time.Second)))
			}
			outages[id] = 1
		}
		ok(t, h.Observe(ctx, words...))
		ok(t, h.Settle(ctx))
	}
	observe(noon.Add(-time.Hour))
	versions := func() map[string]int64 {
		found := map[string]int64{}
		for id, kept := range histories(t, store, "short", "long") {
			found[id] = kept.Version
		}
		return found
	}
	equal(t, "after the refresh", map[string]int64{"short": 1}, versions())
	if size := len(histories(t, store, "short")["short"].Data); size > 10<<10 {
		t.Errorf("a history of 200 outages takes %d bytes", size)
	}
	ok(t, h.Close())
	h = hostOn(t, store, h.clock, engine.Options{})
	ok(t, h.RunDaily(ctx, noon))
	equal(t, "after the daily job", map[string]int64{"short": 1, "long": 1}, versions())
	observe(noon)
	equal(t, "after another refresh", map[string]int64{"short": 2, "long": 1}, versions())
}

// TestAHistoryFromTheCacheGrows has an Engine that has read it there hear of more.
func TestAHistoryFromTheCacheGrows(t *testing.T) {
	h, faults := cachingHost(t)
	ctx := t.Context()
	e := hostOn(t, h.store, h.clock, engine.Options{})
	ok(t, h.Close())
	ok(t, e.SetSystemName(ctx, "web", "Web")) // the first that it hears
	var words []slo.Observation
	for n := range 40 { // more checks than a history names without an index
		at := minutes(-3 + float64(n)/100)
		words = append(words, slo.Observation{SystemID: "api", CheckID: fmt.Sprint("check ", n), At: at, Health: slo.Unhealthy})
	}
	words = append(words, slo.Up("api", minutes(-2)), slo.Down("db", minutes(-1)))
	faults.Reset()
	for _, word := range words {
		ok(t, e.Observe(ctx, word))
		ok(t, e.Settle(ctx))
	}
	want := hostOn(t, untouched{h.store}, h.clock, engine.Options{})
	equal(t, "answers", ask(t, want, []string{"api"}), ask(t, e, []string{"api"}))
	equal(t, "answers of what it has written", ask(t, want, []string{"api"}), ask(t, e.cold(t), []string{"api"}))
	kept := histories(t, e.store, "api")["api"]
	equal(t, "version that is kept", systemVersion(t, e.store, "api"), kept.Version)
}

// Unlike questions, the jobs over everything keep what they had to read, for the next one.
func TestTheDailyJobKeepsWhatItHadToRead(t *testing.T) {
	var faults storagetest.Faults
	store := faults.Wrap(storagetest.WithHistories(memory.New()))
	h := hostOn(t, store, simclock.New(noon), engine.Options{})
	ctx := t.Context()
	var ids []string
	for n := range 1200 {
		ids = append(ids, fmt.Sprintf("objective-%04d", n))
	}
	var words []slo.Observation
	for _, id := range slices.Backward(ids) {
		words = append(words, slo.Down(id, minutes(-60)), slo.Up(id, minutes(-50)))
	}
	ok(t, h.Observe(ctx, words...))
	ok(t, h.Settle(ctx)) // nothing depends on them yet
	for _, id := range ids {
		h.create(t, simple(id))
	}
	statuses, err := h.cold(t).Statuses(ctx, ids)
	ok(t, err)
	equal(t, "histories after a question", 0, len(histories(t, store, ids...)))
	ok(t, h.cold(t).RunDaily(ctx, noon))
	equal(t, "histories after the job", len(ids), len(histories(t, store, ids...)))
	faults.Reset()
	again, err := h.cold(t).Statuses(ctx, ids)
	ok(t, err)
	ok(t, h.cold(t).RunDaily(ctx, noon))
	equal(t, "calls for facts", 0, faults.Calls()["FactsOf"])
	equal(t, "histories that are written again", 0, faults.Calls()["PutHistories"])
	equal(t, "answers", statuses, again)
}

// A cache that cannot be written costs time, and no day and no digest.
func TestTheJobsDoWithoutACacheThatFails(t *testing.T) {
	var faults storagetest.Faults
	store := faults.Wrap(storagetest.WithHistories(memory.New()))
	clock, ctx := simclock.New(noon), t.Context()
	h := hostOn(t, store, clock, engine.Options{})
	ok(t, h.Observe(ctx, slo.Down("api", minutes(-60)), slo.Up("api", minutes(-50))))
	ok(t, h.Settle(ctx)) // nothing depends on it yet, so that the jobs are the first to read it
	h.create(t, simple("api"))
	clock.Advance(48 * time.Hour)
	faults.Fail(storagetest.Fault{Method: "PutHistories"})
	for name, job := range map[string]func(e *engine.Engine) error{
		"RunDaily": func(e *engine.Engine) error { return e.RunDaily(ctx, clock.Now()) },
		"Digest":   func(e *engine.Engine) error { return second(e.Digest(ctx, clock.Now())) },
	} {
		var log synced
		e := hostOn(t, store, clock, engine.Options{KeepTimelines: -1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		ok(t, job(e.Engine))
		if text := log.String(); strings.Count(text, "write histories") != 1 || !strings.Contains(text, storagetest.ErrFault.Error()) {
			t.Errorf("after %s the log says %q", name, text)
		}
		ok(t, e.Close())
	}
	equal(t, "histories", 0, len(histories(t, store, "api")))
	streaks, err := h.Streaks(ctx, []string{"api"})
	ok(t, err)
	equal(t, "the last day", dateOf(t, noon.AddDate(0, 0, 1)), streaks["api"].LastDay)
}
