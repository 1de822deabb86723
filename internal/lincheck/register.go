package lincheck

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/slokeep/slokeep/entity"
)

// Verb is what an operation does with one entity.
type Verb int

// The verbs. Those from Get on only read.
const (
	Plant  Verb = iota // the host wrote the entity before anybody looked at it
	Set                // Mutate: another name
	Add                // Mutate: one more, in the host's own row
	Remove             // Remove
	Keep               // Remove, whose write does not remove
	Get                // Handle.Get
	Version
	Head // the head as the Log lists it: version and state at once
	Both // Version and Get in one transaction that holds the entity's lock
)

var verbs = [...]string{"plant", "set", "add", "remove", "keep", "get", "version", "head", "both"}

func (v Verb) String() string { return verbs[v] }

// Input is what an operation was asked to do.
type Input struct {
	ID       string
	Verb     Verb
	Name     string // of Set, and of the row that Plant and Add make
	MustFail bool   // its write fails
	MayFail  bool   // what happened beside it allows that it fails
	Actor    entity.Actor
}

// Output is what came of it.
type Output struct {
	Failed  bool   // it returned an error, so that nothing must have happened
	Change  Change // of a write; Version 0: nothing was published
	Version int64  // what was read
	State   *State // what was read; of Head, what others may see of it in Change.Next
}

// register is one reactive entity, as one who does one thing after another sees it.
type register struct {
	exists  bool
	row     State
	version int64
}

func (r register) state() *State {
	if !r.exists {
		return nil
	}
	row := r.row
	return &row
}

// step says whether an operation can have had this output, and what is afterwards.
func (r register) step(in Input, out Output, mask func(*State) *State) (bool, register) {
	if out.Failed {
		return in.MustFail || in.MayFail || in.Verb == Keep && r.exists, r
	}
	if in.MustFail {
		return false, r
	}
	next := r
	switch in.Verb {
	case Plant:
		next.exists, next.row = true, State{Name: in.Name}
		return true, next
	case Get:
		return same(out.State, r.state()), r
	case Version:
		return out.Version == r.version, r
	case Both:
		return out.Version == r.version && same(out.State, r.state()), r
	case Head:
		if r.version == 0 { // the Log need not know the state yet
			return out.Version == 0, r
		}
		return out.Version == r.version && same(out.State, r.state()) && same(out.Change.Next, mask(r.state())), r
	case Set:
		next.exists, next.row.Name = true, in.Name
	case Add:
		if !r.exists {
			next.exists, next.row.Name = true, in.Name
		}
		next.row.Count++
	case Remove:
		next.exists, next.row = false, State{}
	case Keep:
		if r.exists {
			return false, r
		}
	}
	if next == r {
		return out.Change.Version == 0, r
	}
	next.version++
	c := out.Change
	return c.ID == in.ID && c.Version == next.version && c.Actor == in.Actor && c.Position == 0 &&
		same(c.Prev, mask(r.state())) && same(c.Next, mask(next.state())) &&
		slices.Equal(c.Fields, Differ(r.state(), next.state())), next
}

// RegisterModel is the sequential specification of one entity: what Mutate, Remove and the reads return when nothing else
// happens meanwhile. masked says that a Redactor hides what Mask hides.
func RegisterModel(masked bool) porcupine.Model {
	mask := func(s *State) *State { return s }
	if masked {
		mask = Mask
	}
	return porcupine.Model{
		Init: func() any { return register{} },
		Step: func(state, input, output any) (bool, any) {
			return state.(register).step(input.(Input), output.(Output), mask)
		},
		DescribeOperation: func(input, output any) string { return describe(input.(Input), output.(Output)) },
	}
}

func describe(in Input, out Output) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %s", in.Verb, in.ID)
	if in.Verb <= Add {
		fmt.Fprintf(&b, " %q", in.Name)
	}
	for flag, word := range map[*bool]string{&in.MustFail: " (fails)", &in.MayFail: " (may fail)"} {
		if *flag {
			b.WriteString(word)
		}
	}
	switch {
	case out.Failed:
		b.WriteString(" -> failed")
	case in.Verb == Plant:
	case in.Verb >= Get:
		fmt.Fprintf(&b, " -> version %d, %v", out.Version, out.State)
	case out.Change.Version == 0:
		b.WriteString(" -> nothing published")
	default:
		fmt.Fprintf(&b, " -> %v", out.Change)
	}
	return b.String()
}

// CheckRegisters checks that what happened to each entity is what could have happened one after another.
func CheckRegisters(history []porcupine.Operation, masked bool, timeout time.Duration) error {
	byID := map[string][]porcupine.Operation{}
	for _, op := range history {
		id := op.Input.(Input).ID
		byID[id] = append(byID[id], op)
	}
	return checkEach(byID, RegisterModel(masked), timeout)
}

// checkEach checks histories that have nothing to do with each other.
func checkEach(histories map[string][]porcupine.Operation, model porcupine.Model, timeout time.Duration) error {
	for name, ops := range histories {
		switch porcupine.CheckOperationsTimeout(model, ops, timeout) {
		case porcupine.Illegal:
			return fmt.Errorf("the history of %s is that of no sequence:\n%s", name, list(ops, model))
		case porcupine.Unknown:
			return fmt.Errorf("the history of %s, of %d operations, could not be judged within %v", name, len(ops), timeout)
		}
	}
	return nil
}

// list prints a history in the order of the calls.
func list(ops []porcupine.Operation, model porcupine.Model) string {
	ops = slices.SortedFunc(slices.Values(ops), func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "  [%9d %9d] client %2d: %s\n", op.Call, op.Return, op.ClientId, model.DescribeOperation(op.Input, op.Output))
	}
	return b.String()
}
