package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/storage"
)

// judge looks at a store when nobody works with it any more.
type judge struct {
	*run
	t       testing.TB
	store   storage.Store
	now     time.Time
	host    *host
	log     bytes.Buffer // what went wrong in the host's background
	workers [][]*claim   // what each did, in its order

	made      map[string]int64 // the versions of accounts, by the operations that made them
	feed      map[string][]entity.Change
	facts     map[factKey]bool
	there     map[string]bool // objectives
	complaint map[string]int  // how often it was made
	outcome   Result
	waits     map[string][]time.Duration
}

// claim is an operation, and what is known of it.
type claim struct {
	entry
	keys     []factKey // of what it tells
	happened bool
	undone   bool // a later deletion has taken back what it told
}

// doubtful reports whether nobody knows from what was printed whether it has happened.
func (c *claim) doubtful() bool { return !c.acknowledged() && !c.refused() }

func (c *claim) refused() bool { return c.outcome != nil && c.outcome.Conflict }

func (r *run) judge(t testing.TB, store storage.Store, now time.Time) *judge {
	t.Helper()
	j := &judge{run: r, t: t, store: store, now: now, complaint: map[string]int{}, waits: map[string][]time.Duration{}}
	of := map[int][]*claim{}
	for _, p := range r.processes {
		for _, e := range p.entries() {
			of[p.Worker] = append(of[p.Worker], &claim{entry: e})
		}
		j.hearProcess(p)
	}
	for _, worker := range slices.Sorted(maps.Keys(of)) {
		j.workers = append(j.workers, of[worker])
	}
	for c := range j.claims() {
		c.keys = r.keys.of(t, &c.op)
		j.count(c)
	}
	return j
}

// hearProcess looks at what went wrong in a process.
func (j *judge) hearProcess(p *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	j.outcome.Conflicts += p.conflicts
	for _, f := range p.failed {
		if j.Cut == nil || !f.InOrder {
			j.complain("a worker failed in the background", "%d-%d: %s", p.Worker, p.Launch, f.Error)
		}
	}
	if p.waits != nil {
		for what, list := range p.waits.For {
			j.waits[what] = append(j.waits[what], list...)
			if what != waitToBegin {
				j.waits[waitForLock] = append(j.waits[waitForLock], list...)
			}
		}
	}
}

func (j *judge) count(c *claim) {
	r := &j.outcome
	r.Tried++
	switch {
	case c.acknowledged():
		r.Acknowledged++
	case c.refused():
		r.Conflicts++
	default:
		r.InDoubt++
		if c.outcome == nil {
			break
		}
		if r.Failed++; j.Cut == nil || !c.outcome.InOrder {
			j.complain("a worker saw an error", "%s, which %s: %s", c.ID, c.Do, c.outcome.Error)
		}
	}
}

func (j *judge) result() Result {
	j.outcome.Simulated = j.now.Sub(dawn)
	j.t.Log(j.outcome)
	for _, what := range slices.Sorted(maps.Keys(j.waits)) {
		w := quantiles(j.waits[what])
		j.t.Logf("wait %s: %v", what, w)
		switch what {
		case waitForLock:
			j.outcome.Lock = w
		case waitToBegin:
			j.outcome.Begin = w
		}
	}
	return j.outcome
}

// claims goes through all operations, each worker's in its order.
func (j *judge) claims() iter.Seq[*claim] {
	return func(yield func(*claim) bool) {
		for _, list := range j.workers {
			for _, c := range list {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// complain fails the test. Of one sort of complaint a few are enough.
func (j *judge) complain(what, format string, args ...any) {
	j.t.Helper()
	if j.complaint[what]++; j.complaint[what] <= 5 {
		j.t.Errorf("%s: %s", what, fmt.Sprintf(format, args...))
	}
}

func (j *judge) close() {
	for _, what := range slices.Sorted(maps.Keys(j.complaint)) {
		if n := j.complaint[what]; n > 5 {
			j.t.Errorf("%s: %d times in all", what, n)
		}
	}
}

// everything checks all that must hold.
func (j *judge) everything(asked time.Time, said []answers) {
	j.t.Helper()
	handled, err := collect(j.store.List(j.t.Context(), storage.Range{Kind: kindHandled}))
	if err != nil {
		j.t.Fatal(err)
	}
	j.outcome.Handled = len(handled)
	j.host, err = join(j.t.Context(), j.store, simclock.New(j.now), j.leaseTTL, slog.New(slog.NewTextHandler(&j.log, nil)))
	if err != nil {
		j.t.Fatal(err)
	}
	defer func() {
		if err := j.host.Close(); err != nil {
			j.t.Error(err)
		}
		if j.log.Len() > 0 {
			j.complain("the test's own engine failed in the background", "%s", j.log.String())
		}
	}()
	j.settle()
	ctx, cancel := context.WithTimeout(j.t.Context(), j.Patience)
	defer cancel()
	if err := j.host.RunDaily(ctx, j.now); err != nil {
		j.t.Fatalf("the last daily job: %v", err)
	}
	j.settle()
	j.readFeed()
	j.checkAccounts()
	j.checkRows()
	j.checkFacts()
	j.checkObjectives()
	j.checkHandled()
	j.checkDigests()
	j.checkAnswers(asked, said)
}

// settle waits until all that was committed is refreshed, delivered and handled. The engine's Settle does not wait for what
// is due to those who hold the leases, which may be processes that are gone.
func (j *judge) settle() {
	j.t.Helper()
	deadline := time.Now().Add(j.Patience)
	for last := -1; ; {
		ctx, cancel := context.WithTimeout(j.t.Context(), j.Patience)
		err := j.host.Settle(ctx)
		cancel()
		if err != nil {
			j.t.Fatalf("nothing settles: %v", err)
		}
		j.readFeed()
		missing := len(j.unhandled()) + len(j.unpublished())
		if missing == 0 {
			return
		}
		if missing != last { // it goes on
			last, deadline = missing, time.Now().Add(j.Patience)
		}
		if time.Now().After(deadline) {
			return // checkHandled and checkAnswers say what
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// glance looks for what a process has acknowledged, while others may work.
func (r *run) glance(t testing.TB, store storage.Store, p *process) {
	t.Helper()
	j := &judge{run: r, t: t, store: store, complaint: map[string]int{}}
	defer j.close()
	versions := map[string]int64{}
	var acknowledged []entry
	for _, e := range p.entries()[p.glanced:] {
		if p.glanced++; !e.acknowledged() {
			continue
		}
		if e.Account != "" {
			if e.outcome.Version <= versions[e.Account] {
				j.complain("a version was acknowledged twice", "%s of %s, which was %d before", e.ID, e.Account, versions[e.Account])
			}
			versions[e.Account] = e.outcome.Version
		}
		if e.Own == "" {
			acknowledged = append(acknowledged, e)
		}
	}
	heads := j.checkRows()
	for id, version := range versions {
		if heads[id] < version {
			j.complain(lost, "%s has version %d, and %d was acknowledged", id, heads[id], version)
		}
	}
	var keys [][]factKey
	for i := range acknowledged {
		keys = append(keys, r.keys.of(t, &acknowledged[i].op))
	}
	facts := r.keys.present(t, store, systems)
	for i, list := range keys {
		for _, key := range list {
			if !facts[key] {
				what := lost
				if acknowledged[i].Account != "" {
					what = half // since its change is there
				}
				j.complain(what, "a fact, %s, of %s, is not there", key.kind, acknowledged[i].ID)
			}
		}
	}
}

// What can be wrong. A test that is to fail looks for these.
const (
	lost       = "acknowledged, and lost"
	half       = "half there"
	back       = "refused or deleted, and there"
	madeUp     = "nobody did it, and it is there"
	twice      = "there twice"
	gap        = "the feed is not whole"
	apart      = "a row and its entity differ"
	miscounted = "the host's table and its accounts differ"
	notHandled = "not handled"
	disorder   = "handled out of order"
	wrong      = "other answers than an engine in memory gives"
	stale      = "other answers than the worker's own engine gave"
)

// checkRows compares the host's rows with the entities, and its table, and returns the versions of the entities.
func (j *judge) checkRows() map[string]int64 {
	j.t.Helper()
	versions := map[string]int64{}
	var ids []string
	for i := range accounts {
		ids = append(ids, fmt.Sprint("account-", i))
	}
	err := j.store.InTx(j.t.Context(), func(ctx context.Context) error {
		heads, err := j.store.Lock(ctx, kindAccount, ids) // which nobody changes meanwhile
		if err != nil {
			return err
		}
		rows := map[string]account{}
		reader := &host{store: j.store}
		if err := reader.readAccounts(ctx, ids, func(id string, a account) { rows[id] = a }); err != nil {
			return err
		}
		for _, head := range heads {
			versions[head.ID] = head.Version
			row, there := rows[head.ID]
			if there && asJSON(head.State) != asJSON(row) || !there && head.State != nil {
				j.complain(apart, "%s is %s as version %d, the row %s (there: %t)", head.ID, asJSON(head.State), head.Version, asJSON(row), there)
			}
		}
		return j.checkTable(ctx, versions)
	})
	if err != nil {
		j.t.Fatal(err)
	}
	return versions
}

// asJSON is a state as text that is the same for equal states, however a store keeps them.
func asJSON(state any) string {
	text, err := json.Marshal(state)
	if err != nil {
		return err.Error()
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return err.Error()
	}
	text, _ = json.Marshal(plain)
	return string(text)
}
