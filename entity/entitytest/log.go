package entitytest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// LogHarness says how to get at the Log under test.
type LogHarness struct {
	// Open makes a fresh, empty Log. What it needs to clean up it gives to t.Cleanup.
	Open func(t testing.TB) entity.Log

	// Reopen makes another handle on the data of log, as another process has one. It is nil where one process has one
	// handle: then the suite takes the Log itself for the other one.
	Reopen func(t testing.TB, log entity.Log) entity.Log

	// Patience is how long the suite waits for what must happen. A fiftieth of it is how long it looks whether what must not
	// happen happens all the same, and what it takes for a while that may pass. 0: 10 seconds.
	Patience time.Duration
}

// RunLog checks that a Log keeps the laws of [entity.Log], one subtest for each, each on a Log of its own. A subtest that
// fails ends with the law in words. Where Shared reports false, those about the relay are left out, and one about a feed
// without relay takes their place. The subtests run one after the other.
func RunLog(t *testing.T, h LogHarness) {
	t.Helper()
	shared := h.Open(t).Shared()
	for _, l := range logLaws() {
		if l.applies(shared) {
			t.Run(l.name, func(t *testing.T) { l.run(t, h) })
		}
	}
}

// law is one rule of the contract: a sentence, the rule in words for who broke it, and the check.
type law struct {
	name  string
	why   string
	of    which
	check func(w *world)
}

// which says what Logs a law is for.
type which int

const (
	all which = iota
	sharedOnly
	unsharedOnly
)

func (l law) applies(shared bool) bool { return l.of == all || (l.of == sharedOnly) == shared }

func logLaws() []law {
	return slices.Concat(transactionLaws, joinLaws, afterCommitLaws, lockLaws, waitLaws, headLaws, appendLaws, intervalLaws,
		feedLaws, relayLaws, trimLaws, groupLaws, pendingLaws, watchLaws, leaseLaws, tokenLaws)
}

// run checks the law on a fresh Log.
func (l law) run(t testing.TB, h LogHarness) {
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

// world is what the check of a law has: a Log, a second handle on it, and time.
type world struct {
	testing.TB
	ctx        context.Context
	cancel     context.CancelFunc
	log, other entity.Log
	patience   time.Duration
	background sync.WaitGroup
}

func newWorld(t testing.TB, h LogHarness) *world {
	w := &world{TB: t, patience: h.Patience, log: h.Open(t)}
	w.other = w.log
	if h.Reopen != nil {
		w.other = h.Reopen(t, w.log)
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
