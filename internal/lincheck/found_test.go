package lincheck_test

import (
	"flag"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
	"pgregory.net/rapid"
)

// fault makes a Log with one fault.
type fault struct {
	name string
	on   func(*memory) entity.Log
	says string // what a checker says of it, among other things
}

// onFault has all processes share one Log with a fault.
func onFault(f fault) store {
	return func(testing.TB) []end {
		log := entity.NewMemory()
		return ends(asked{f.on(newMemory(log))}, &memoryTable{log: log, rows: map[string]lincheck.State{}})
	}
}

var honest = fault{name: "no fault", on: func(m *memory) entity.Log { return m.Memory }}

const sequence = "that of no sequence"

// tries is how many histories a fault is looked for in. Most show in the first.
const tries = 60

func TestFaultsShowInTheHistoryOfWriters(t *testing.T) {
	for _, f := range []fault{
		{"it loses an entry", func(m *memory) entity.Log { return losesEntry{m} }, sequence},
		{"it repeats a version", func(m *memory) entity.Log { return repeatsVersion{m} }, sequence},
		{"it publishes before the commit", func(m *memory) entity.Log { return beforeCommit{m} }, sequence},
		{"it commits what failed", func(m *memory) entity.Log { return commitsFailed{m} }, sequence},
		{"it commits though an inner transaction failed", func(m *memory) entity.Log { return forgivesInner{m} }, sequence},
		{"it lists old heads", func(m *memory) entity.Log { return staleHeads{m} }, sequence},
	} {
		t.Run(f.name, func(t *testing.T) { mustShow(t, f, writersAndReaders) })
	}
	t.Run(honest.name, func(t *testing.T) { mustNotShow(t, writersAndReaders) })
}

func TestFaultsShowInWhatIsDelivered(t *testing.T) {
	for _, f := range []fault{
		{"it loses a change", func(m *memory) entity.Log { return losesChange{m} }, "it never got"},
		{"it repeats a version", func(m *memory) entity.Log { return repeatsVersion{m} }, "of those that were returned"},
		{"it repeats a change", func(m *memory) entity.Log { return repeatsChange{m} }, "a broadcast gives each once"},
		{"it writes another prev", func(m *memory) entity.Log { return wrongPrev{m} }, "what was committed is"},
		{"it delivers out of order", func(m *memory) entity.Log { return outOfOrder{m} }, "it comes after version"},
		{"it publishes before the commit", func(m *memory) entity.Log { return beforeCommit{m} }, "which is the state of no version"},
		{"it forgets what is pending", func(m *memory) entity.Log { return losesPending{m} }, "it never got"},
		{"it saves a position too far", func(m *memory) entity.Log { return passesChange{m} }, "it never got"},
		{"it gives a lease to everybody", func(m *memory) entity.Log { return leasesToAll{m} }, "had not ended"},
	} {
		t.Run(f.name, func(t *testing.T) { mustShow(t, f, hurriedSubscribers) })
	}
	t.Run(honest.name, func(t *testing.T) { mustNotShow(t, subscribers) })
}

// hurriedSubscribers does not wait long for what does not come.
func hurriedSubscribers(t testing.TB, seed uint64, on store) error {
	patience := time.Second
	if testing.Short() {
		patience /= 4
	}
	return deliver(t, seed, on, patience)
}

// mustShow looks for a fault until it shows, and is called by its name.
func mustShow(t *testing.T, f fault, check func(testing.TB, uint64, store) error) {
	for seed := range uint64(tries) {
		if err := check(t, seed+1, onFault(f)); err != nil && strings.Contains(err.Error(), f.says) {
			t.Logf("it shows in history %d", seed+1)
			return
		}
	}
	t.Errorf("the fault shows in none of %d histories, or not as %q", tries, f.says)
}

// mustNotShow checks that what shows the faults shows nothing where there is none.
func mustNotShow(t *testing.T, check func(testing.TB, uint64, store) error) {
	for seed := range uint64(3) {
		if err := check(t, seed+2, onFault(honest)); err != nil {
			t.Errorf("seed %d: %s", seed+2, short(err))
		}
	}
}

func TestFaultsShowInTheLogMachine(t *testing.T) {
	for _, f := range []fault{
		{"it loses a change", func(m *memory) entity.Log { return losesChange{m} }, ""},
		{"it loses an entry", func(m *memory) entity.Log { return losesEntry{m} }, ""},
		{"it repeats a version", func(m *memory) entity.Log { return repeatsVersion{m} }, ""},
		{"it repeats a change", func(m *memory) entity.Log { return repeatsChange{m} }, ""},
		{"it writes another prev", func(m *memory) entity.Log { return wrongPrev{m} }, ""},
		{"it loses a transition", func(m *memory) entity.Log { return losesTransition{m} }, ""},
		{"it delivers out of order", func(m *memory) entity.Log { return outOfOrder{m} }, ""},
		{"it publishes before the commit", func(m *memory) entity.Log { return beforeCommit{m} }, ""},
		{"it commits what failed", func(m *memory) entity.Log { return commitsFailed{m} }, ""},
		{"it commits though an inner transaction failed", func(m *memory) entity.Log { return forgivesInner{m} }, ""},
		{"it lists old heads", func(m *memory) entity.Log { return staleHeads{m} }, ""},
		{"it calls at once what is for after the commit", func(m *memory) entity.Log { return hooksAtOnce{m} }, ""},
		{"it takes what comes after the end of a transaction", func(m *memory) entity.Log { return usesEnded{m} }, ""},
		{"it forgets what is pending", func(m *memory) entity.Log { return losesPending{m} }, ""},
		{"it saves a position too far", func(m *memory) entity.Log { return passesChange{m} }, ""},
		{"it takes a stale token", func(m *memory) entity.Log { return takesStale{m} }, ""},
		{"it gives a lease to everybody", func(m *memory) entity.Log { return leasesToAll{m} }, ""},
		{"it does not list a lease", func(m *memory) entity.Log { return losesLease{m} }, ""},
		{"it trims what must stay", func(m *memory) entity.Log { return trimsAll{m} }, ""},
		{"it trims nothing", func(m *memory) entity.Log { return trimsNone{m} }, ""},
		{"its intervals do not end", func(m *memory) entity.Log { return openInterval{m} }, ""},
		{"it does not list the newest interval", func(m *memory) entity.Log { return losesInterval{m} }, ""},
		{"its last position is not the last", func(m *memory) entity.Log { return lastIsBehind{m} }, ""},
		{"it starts a group anywhere", func(m *memory) entity.Log { return startsAnywhere{m} }, ""},
		{"it keeps a dropped group", func(m *memory) entity.Log { return keepsDropped{m} }, ""},
		{"it miscounts what it forgot", func(m *memory) entity.Log { return forgetsMiscounts{m} }, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			mustFail(t, logMachine(func(*rapid.T) *handles {
				return &handles{logs: []entity.Log{f.on(newMemory(entity.NewMemory()))}}
			}))
		})
	}
}

func TestFaultsShowInTheRegistryMachine(t *testing.T) {
	for _, f := range []fault{
		{"it loses a change", func(m *memory) entity.Log { return losesChange{m} }, ""},
		{"it loses an entry", func(m *memory) entity.Log { return losesEntry{m} }, ""},
		{"it repeats a version", func(m *memory) entity.Log { return repeatsVersion{m} }, ""},
		{"it repeats a change", func(m *memory) entity.Log { return repeatsChange{m} }, ""},
		{"it writes another prev", func(m *memory) entity.Log { return wrongPrev{m} }, ""},
		{"it loses a transition", func(m *memory) entity.Log { return losesTransition{m} }, ""},
		{"it delivers out of order", func(m *memory) entity.Log { return outOfOrder{m} }, ""},
		{"it commits what failed", func(m *memory) entity.Log { return commitsFailed{m} }, ""},
		{"it commits though an inner transaction failed", func(m *memory) entity.Log { return forgivesInner{m} }, ""},
		{"it does not list the newest interval", func(m *memory) entity.Log { return losesInterval{m} }, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			mustFail(t, kindMachine(func(*rapid.T) []end { return onFault(f)(t)[:2] }))
		})
	}
}

// mustFail checks that rapid finds a property wrong. It need not find the smallest way to show that.
func mustFail(t *testing.T, property func(*rapid.T)) {
	shrink := flag.Lookup("rapid.shrinktime").Value
	before := shrink.String()
	defer func() {
		if err := shrink.Set(before); err != nil {
			t.Error(err)
		}
	}()
	if err := shrink.Set("0s"); err != nil {
		t.Fatal(err)
	}
	setRapid(t, 1, 5000)
	v := &verdict{name: t.Name()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(v, property)
	}()
	<-done
	if !v.failed {
		t.Errorf("the fault does not show")
	}
}

// verdict is the rapid.TB of a property that is to fail.
type verdict struct {
	name   string
	failed bool
}

func (v *verdict) Helper()               {}
func (v *verdict) Name() string          { return v.name }
func (v *verdict) Logf(string, ...any)   {}
func (v *verdict) Log(...any)            {}
func (v *verdict) Skipf(string, ...any)  { v.SkipNow() }
func (v *verdict) Skip(...any)           { v.SkipNow() }
func (v *verdict) SkipNow()              { runtime.Goexit() }
func (v *verdict) Errorf(string, ...any) { v.Fail() }
func (v *verdict) Error(...any)          { v.Fail() }
func (v *verdict) Fatalf(string, ...any) { v.FailNow() }
func (v *verdict) Fatal(...any)          { v.FailNow() }
func (v *verdict) Fail()                 { v.failed = true }
func (v *verdict) Failed() bool          { return v.failed }
func (v *verdict) FailNow() {
	v.failed = true
	runtime.Goexit()
}
