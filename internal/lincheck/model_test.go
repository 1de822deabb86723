package lincheck_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
)

// chain are the changes 1 to n of an entity "a" that counts, one a second.
func chain(n int) []lincheck.Change {
	var list []lincheck.Change
	var prev *lincheck.State
	for i := range n {
		next := &lincheck.State{Name: "x", Count: int64(i) + 1}
		list = append(list, lincheck.Change{
			ID: "a", Version: int64(i) + 1, Position: int64(i) + 1, Prev: prev, Next: next,
			Fields: lincheck.Differ(prev, next), Actor: entity.System, At: noon.Add(time.Duration(i) * time.Second),
		})
		prev = next
	}
	return list
}

// published are the operations that published changes, each from ten times its number on, for five.
func published(changes []lincheck.Change) []porcupine.Operation {
	var ops []porcupine.Operation
	for i, c := range changes {
		c.Position = 0
		ops = append(ops, porcupine.Operation{
			Input:  lincheck.Input{ID: c.ID, Verb: lincheck.Add, Name: "x", Actor: c.Actor},
			Output: lincheck.Output{Change: c}, Call: int64(i)*10 + 10, Return: int64(i)*10 + 15,
		})
	}
	return ops
}

func read(in lincheck.Verb, out lincheck.Output, call, end int64) porcupine.Operation {
	return porcupine.Operation{ClientId: 1, Input: lincheck.Input{ID: "a", Verb: in}, Output: out, Call: call, Return: end}
}

func TestTheRegisterModelRefuses(t *testing.T) {
	two := &lincheck.State{Name: "x", Count: 2}
	for _, c := range []struct {
		name string
		add  []porcupine.Operation
		edit func(ops []porcupine.Operation)
	}{
		{name: "a version that was there already, read after the next", add: []porcupine.Operation{
			read(lincheck.Version, lincheck.Output{Version: 1}, 26, 27),
		}},
		{name: "a version that is not there yet", add: []porcupine.Operation{read(lincheck.Version, lincheck.Output{Version: 3}, 26, 27)}},
		{name: "a state that is gone", add: []porcupine.Operation{read(lincheck.Get, lincheck.Output{State: two}, 36, 37)}},
		{name: "a version and a state that were not there together", add: []porcupine.Operation{
			read(lincheck.Both, lincheck.Output{Version: 3, State: two}, 20, 37),
		}},
		{name: "a head whose state is not that of its version", add: []porcupine.Operation{
			read(lincheck.Head, lincheck.Output{Version: 3, State: two, Change: lincheck.Change{Next: two}}, 20, 37),
		}},
		{name: "a write that failed with no reason", add: []porcupine.Operation{
			read(lincheck.Set, lincheck.Output{Failed: true}, 36, 37),
		}},
		{name: "a write that was to fail and did not", edit: func(ops []porcupine.Operation) {
			in := ops[1].Input.(lincheck.Input)
			in.MustFail = true
			ops[1].Input = in
		}},
		{name: "an equal write that publishes", edit: func(ops []porcupine.Operation) {
			in := ops[2].Input.(lincheck.Input)
			in.Verb = lincheck.Set
			ops[2].Input = in
		}},
		{name: "a write that publishes nothing of what it changed", edit: edit(2, func(c *lincheck.Change) { *c = lincheck.Change{} })},
		{name: "a version left out", edit: edit(2, func(c *lincheck.Change) { c.Version = 4 })},
		{name: "a version twice", edit: edit(2, func(c *lincheck.Change) { c.Version = 2 })},
		{name: "another prev", edit: edit(2, func(c *lincheck.Change) { c.Prev = nil })},
		{name: "another next", edit: edit(2, func(c *lincheck.Change) { c.Next = two })},
		{name: "other fields", edit: edit(2, func(c *lincheck.Change) { c.Fields = []string{"name"} })},
		{name: "another actor", edit: edit(2, func(c *lincheck.Change) { c.Actor = entity.Observed })},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops := published(chain(3))
			if err := lincheck.CheckRegisters(ops, false, time.Minute); err != nil {
				t.Fatalf("the history without the fault: %v", err)
			}
			if c.edit != nil {
				c.edit(ops)
			}
			if lincheck.CheckRegisters(append(ops, c.add...), false, time.Minute) == nil {
				t.Error("it takes the history")
			}
		})
	}
}

// edit changes the change that operation i published.
func edit(i int, f func(*lincheck.Change)) func([]porcupine.Operation) {
	return func(ops []porcupine.Operation) {
		out := ops[i].Output.(lincheck.Output)
		f(&out.Change)
		ops[i].Output = out
	}
}

// handled are calls of a handler with changes, each soon after it was published.
func handled(changes []lincheck.Change) []lincheck.Attempt {
	var list []lincheck.Attempt
	for i, c := range changes {
		at := int64(i)*10 + 16
		list = append(list, lincheck.Attempt{Change: c, Start: at, End: at + 2, Looked: true, Version: c.Version, State: c.Next})
	}
	return list
}

func TestTheCheckOfDeliveriesRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(s *lincheck.Subscriber)
		says string
	}{
		{"a change that never came", func(s *lincheck.Subscriber) { s.Attempts = s.Attempts[:3] }, "it never got a 4"},
		{"a change that was never handled", func(s *lincheck.Subscriber) { s.Attempts[3].Failed = true }, "it never got a 4"},
		{"a gap", func(s *lincheck.Subscriber) {
			s.Attempts = append(s.Attempts[:1], s.Attempts[2:]...)
		}, "it comes after version 1"},
		{"a change before the one before it", func(s *lincheck.Subscriber) {
			s.Attempts[1].Change, s.Attempts[2].Change = s.Attempts[2].Change, s.Attempts[1].Change
		}, "it comes after version 1"},
		{"a change while the one before it waits for its next attempt", func(s *lincheck.Subscriber) { s.Attempts[1].Failed = true },
			"it came before version 2 was handled"},
		{"a beginning that is too late", func(s *lincheck.Subscriber) { s.Attempts = s.Attempts[1:] }, "the subscription began at version 0"},
		{"a change again, to a broadcast", func(s *lincheck.Subscriber) {
			again := s.Attempts[3]
			again.Start, again.End = 60, 61
			s.Attempts = append(s.Attempts, again)
		}, "a broadcast gives each once"},
		{"a change that nobody made", func(s *lincheck.Subscriber) { s.Attempts[3].Change.Version = 5 }, "it was never committed"},
		{"another change than was made", func(s *lincheck.Subscriber) { s.Attempts[3].Change.Actor = entity.Observed }, "what was committed is"},
		{"positions that go back", func(s *lincheck.Subscriber) { s.Attempts[3].Change.Position = 2 }, "its position is not behind"},
		{"two calls at once", func(s *lincheck.Subscriber) { s.Attempts[2].End = 50 }, "had not ended"},
		{"a handler that reads an older version", func(s *lincheck.Subscriber) { s.Attempts[3].Version = 3 }, "its handler reads version 3"},
		{"a handler that reads an older state", func(s *lincheck.Subscriber) { s.Attempts[3].State = s.Attempts[2].State },
			"which is the state of no version from 4 on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			committed, err := lincheck.NewCommitted(chain(4))
			if err != nil {
				t.Fatal(err)
			}
			s := lincheck.Subscriber{Name: "s", Ordered: true, Attempts: handled(chain(4))}
			if err := committed.Check(s); err != nil {
				t.Fatalf("without the fault: %v", err)
			}
			c.edit(&s)
			if err := committed.Check(s); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %v: want %q", err, c.says)
			}
		})
	}
}

func TestTheCheckOfChangesRefuses(t *testing.T) {
	for name, edit := range map[string]func(list []lincheck.Change){
		"a version left out": func(list []lincheck.Change) { list[2].Version = 4 },
		"a version twice":    func(list []lincheck.Change) { list[2].Version = 2 },
		"another prev":       func(list []lincheck.Change) { list[2].Prev = nil },
		"time that goes back": func(list []lincheck.Change) {
			list[2].At = noon
		},
	} {
		t.Run(name, func(t *testing.T) {
			list := chain(3)
			edit(list)
			if _, err := lincheck.NewCommitted(list); err == nil {
				t.Error("it takes them")
			}
		})
	}
}

func TestTheCheckOfTheFeedRefuses(t *testing.T) {
	committed, err := lincheck.NewCommitted(chain(3))
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(list []lincheck.Change) []lincheck.Change{
		"a change left out": func(list []lincheck.Change) []lincheck.Change { return list[:2] },
		"a change too many": func(list []lincheck.Change) []lincheck.Change { return append(list, list[2]) },
		"a gap":             func(list []lincheck.Change) []lincheck.Change { list[2].Position = 4; return list },
		"an order not theirs": func(list []lincheck.Change) []lincheck.Change {
			list[0], list[1] = list[1], list[0]
			list[0].Position, list[1].Position = 1, 2
			return list
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := committed.CheckFeed(chain(3)); err != nil {
				t.Fatalf("without the fault: %v", err)
			}
			if committed.CheckFeed(edit(chain(3))) == nil {
				t.Error("it takes it")
			}
		})
	}
}

func TestTheQueueModelRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(a []lincheck.Attempt)
	}{
		{"a change that is delivered before its write began", func(a []lincheck.Attempt) { a[2].Start, a[2].End = 28, 29 }},
		{"changes that are not in their order", func(a []lincheck.Attempt) { a[1].Change, a[2].Change = a[2].Change, a[1].Change }},
		{"a handler that reads a version that was not there any longer", func(a []lincheck.Attempt) { a[2].Version = 2 }},
		{"a handler that reads a version that was not there yet", func(a []lincheck.Attempt) { a[1].Version = 3 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops, s := published(chain(3)), lincheck.Subscriber{Name: "s", Attempts: handled(chain(3))}
			if err := lincheck.CheckQueue(ops, s, time.Minute); err != nil {
				t.Fatalf("without the fault: %v", err)
			}
			c.edit(s.Attempts)
			if lincheck.CheckQueue(ops, s, time.Minute) == nil {
				t.Error(fmt.Sprint("it takes ", s.Attempts))
			}
		})
	}
}
