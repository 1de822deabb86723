package entity

import (
	"fmt"
	"slices"
)

// NonReactive is a table of the host's that is not an entity, and why not.
type NonReactive struct {
	Table  string
	Reason Reason
	Note   string // for people
}

// Reason is why a table is not reactive.
type Reason string

// The reasons that there are.
const (
	RawSample       Reason = "raw-sample"       // measurements, of which there are too many to react to each
	Sensitive       Reason = "sensitive"        // nobody may see its changes
	ExternallyOwned Reason = "externally-owned" // somebody else writes to it
	Bookkeeping     Reason = "bookkeeping"      // how the host does its work, and nobody's state
)

// DeclareNonReactive writes down that a table is not reactive on purpose, so that a review or a lint can tell it from one
// that was forgotten. It does nothing else. ErrInvalid: a blank table, an unknown reason. ErrConflict: the table was
// declared with another reason or note. ErrClosed: the Registry is closed.
func (reg *Registry) DeclareNonReactive(table string, reason Reason, note string) error {
	if err := checkName("table", table); err != nil {
		return err
	}
	if err := reg.check(); err != nil {
		return err
	}
	if !slices.Contains([]Reason{RawSample, Sensitive, ExternallyOwned, Bookkeeping}, reason) {
		return invalid("reason", string(reason), "raw-sample, sensitive, externally-owned or bookkeeping")
	}
	reg.mu.Lock()
	defer reg.mu.Unlock()
	declared := NonReactive{table, reason, note}
	for _, other := range reg.nonReactive {
		if other == declared {
			return nil
		}
		if other.Table == table {
			return fmt.Errorf("%w: table %q was declared %s: %s", ErrConflict, table, other.Reason, other.Note)
		}
	}
	reg.nonReactive = append(reg.nonReactive, declared)
	return nil
}

// NonReactive returns what was declared, in the order of the declarations. The slice is the caller's.
func (reg *Registry) NonReactive() []NonReactive {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	return slices.Clone(reg.nonReactive)
}
