package storagetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
	"github.com/slokeep/slokeep/storage"
)

// Harness says how to get at the Store under test.
type Harness struct {
	// Open makes a fresh, empty Store. What it needs to clean up it gives to t.Cleanup.
	Open func(t testing.TB) storage.Store

	// Reopen makes another handle on the data of a Store that Open made, as another process has one. It is nil where one
	// process has one handle: then the suite takes the Store itself for the other one.
	Reopen func(t testing.TB, s storage.Store) storage.Store

	// Patience is how long the suite waits for what must happen. A fiftieth of it is how long it looks whether what must not
	// happen happens all the same. 0: 10 seconds.
	Patience time.Duration
}

// Run checks that a Store keeps the laws of [storage.Store], one subtest for each, each on a Store of its own, and those of
// [entity.Log], with entitytest.RunLog; and, where the Store is one, those of [storage.HistoryCache]. A subtest that fails
// ends with the law in words. The subtests run one after the other.
func Run(t *testing.T, h Harness) {
	t.Helper()
	list := laws()
	if _, ok := h.Open(t).(storage.HistoryCache); ok {
		list = append(list, historyLaws...)
	}
	t.Run("the laws of a Log", func(t *testing.T) { entitytest.RunLog(t, h.log()) })
	for _, l := range list {
		t.Run(l.name, func(t *testing.T) { l.run(t, h) })
	}
}

func (h Harness) log() entitytest.LogHarness {
	lh := entitytest.LogHarness{
		Open:     func(t testing.TB) entity.Log { return h.Open(t) },
		Patience: h.Patience,
	}
	if h.Reopen != nil {
		lh.Reopen = func(t testing.TB, log entity.Log) entity.Log { return h.Reopen(t, log.(storage.Store)) }
	}
	return lh
}

// law is one rule of the contract: a sentence, the rule in words for who broke it, and the check.
type law struct {
	name  string
	why   string
	check func(w *world)
}

// laws are those of every Store.
func laws() []law {
	return slices.Concat(factLaws, sourceLaws, deletionLaws, versionLaws, recordLaws, rangeLaws, transactionLaws, viewLaws,
		waitLaws, contextLaws, listingLaws, sliceLaws, modelLaws)
}

// run checks the law on a fresh Store.
func (l law) run(t testing.TB, h Harness) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("The law: %s.\n%s", l.name, l.why)
		}
	}()
	w := newWorld(t, h)
	defer w.close()
	l.check(w)
}

// world is what the check of a law has: a Store, a second handle on it, and time.
type world struct {
	testing.TB
	ctx          context.Context
	cancel       context.CancelFunc
	store, other storage.Store
	patience     time.Duration
	background   sync.WaitGroup
}

func newWorld(t testing.TB, h Harness) *world {
	w := &world{TB: t, patience: h.Patience, store: h.Open(t)}
	w.other = w.store
	if h.Reopen != nil {
		w.other = h.Reopen(t, w.store)
	}
	if w.patience == 0 {
		w.patience = 10 * time.Second
	}
	w.ctx, w.cancel = context.WithTimeout(t.Context(), 6*w.patience)
	return w
}

// close ends what the check left running, and waits for it, but not for ever.
func (w *world) close() {
	w.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.background.Wait()
	}()
	select {
	case <-done:
	case <-time.After(w.patience):
	}
}

// moment is how long the suite looks whether something happens that need not happen.
func (w *world) moment() time.Duration { return w.patience / 50 }
