package cachetest

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// Value is what the suite keeps.
type Value struct {
	Key     string // valid UTF-8
	Version int64
}

// Hidden is what the suite wants to keep where a codec must refuse to: text formats do not see what is in it.
type Hidden struct{ value string }

// Harness says how to get at the Provider under test, and what it can do.
type Harness struct {
	// Open makes a fresh, empty store, and returns two handles on it, as two processes have one each. They are the same one
	// where a single process has it. What they need to clean up they give to t.Cleanup.
	Open func(t testing.TB) (a, b cache.Provider[Value])

	// Fenced and Prefixed say whether the Provider is a [cache.Fenced] and a [cache.Prefixed]. One that is not what is said
	// here fails the suite.
	Fenced, Prefixed bool

	// Local says that the Provider is nothing but memory of this process. The suite then runs it in bubbles of
	// testing/synctest, where time costs nothing, so that it must not hold a mutex while it waits for something else.
	Local bool

	// Grain is how much longer than its TTL an entry may be given. 0: 50 milliseconds.
	Grain time.Duration

	// Keeps is how many small entries the Provider keeps at least, before it drops one to make room; at least 100. 0: more
	// than the suite stores, which is 1,000.
	Keeps int

	// Forget drops all that the store of p has, entries and what tokens are made from, as the loss of a server does. nil: it
	// cannot.
	Forget func(t testing.TB, p cache.Provider[Value])

	// Break cuts p off from what it keeps, so that its calls fail, until mend is called. nil: it cannot.
	Break func(t testing.TB, p cache.Provider[Value]) (mend func())

	// Spoil replaces what the store of p has under a key by what p can tell to be no entry, say a torn one. nil: it cannot.
	Spoil func(t testing.TB, p cache.Provider[Value], scope, key string)

	// Lossy opens a Provider whose codec does not see what is in a Hidden, as JSON does not. nil: there is no such codec.
	Lossy func(t testing.TB) cache.Provider[Hidden]

	// Patience is how long the suite waits for what must happen. Where it cannot see whether something will come, it waits a
	// hundredth of that. 0: 10 seconds.
	Patience time.Duration

	scope func(p cache.Provider[Value], name string, opts *cache.Options) (scope, error) // nil: cache.NewScope
}

// Run checks that a Provider keeps the laws of [cache.Provider], and that a [cache.Scope] on it keeps those of package
// cache, one subtest for each law, each on a store of its own. A subtest that fails ends with the law in words. The laws of
// what the Provider is not, and those that need a function which the Harness has not, are left out. The subtests run one
// after the other.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if wrong := h.wrong(); wrong != "" {
		t.Fatalf("cachetest: Harness: %s", wrong)
	}
	for _, l := range laws() {
		if h.has()&l.needs == l.needs {
			t.Run(l.name, func(t *testing.T) { l.start(t, h) })
		}
	}
}

// wrong returns what a Harness should be and is not.
func (h Harness) wrong() string {
	switch {
	case h.Open == nil:
		return "Open is nil"
	case h.Keeps != 0 && h.Keeps < 100:
		return fmt.Sprintf("Keeps is %d: want 0, or 100 and more", h.Keeps)
	case h.Grain < 0:
		return fmt.Sprintf("Grain is %v: want 0 or more", h.Grain)
	case h.Patience < 0:
		return fmt.Sprintf("Patience is %v: want 0 or more", h.Patience)
	}
	return ""
}

// law is one rule of the contract: a sentence, the rule in words for who broke it, and the check.
type law struct {
	name  string
	why   string
	needs ability
	check func(w *world)
}

// ability is what a Provider and its Harness can do.
type ability uint

const (
	fenced ability = 1 << iota
	prefixed
	local
	forgets
	breaks
	spoils
	loses
)

func (h Harness) has() (can ability) {
	for i, has := range []bool{
		h.Fenced, h.Prefixed, h.Local, h.Forget != nil, h.Break != nil, h.Spoil != nil, h.Lossy != nil,
	} {
		if has {
			can |= 1 << i
		}
	}
	return can
}

func laws() []law {
	return slices.Concat(entryLaws, keyLaws, callLaws, failureLaws, tokenLaws, prefixLaws,
		invalidationLaws, processLaws, sharingLaws, waitingLaws, loaderLaws, outageLaws, codecLaws)
}

// start runs the law in a bubble, where it can.
func (l law) start(t *testing.T, h Harness) {
	t.Helper()
	if h.Local {
		synctest.Test(t, func(t *testing.T) { l.run(t, h) })
		return
	}
	l.run(t, h)
}

// run checks the law on a fresh store.
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
