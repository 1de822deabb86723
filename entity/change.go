package entity

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Change is what one transaction made of one entity. Changes of one entity have the Versions 1, 2, 3, ... without a gap,
// also over a removal and a re-creation, and the Prev of each is the Next of the one before.
//
// A Change is shared by all that it is delivered to: nothing that it points to may be changed.
type Change struct {
	Kind, ID string

	// Version counts the changes of this entity from 1. A Change of Version 0 is a nudge: nothing was published, but what is
	// known of the future may have moved. Nudges are seen by those who read a Log, never by a handler.
	Version int64

	// Position is the Change's place among all changes of the Log: 1, 2, 3, ... It is 0 until the Change is delivered.
	Position int64

	// Prev and Next are the state before and after: a pointer to the kind's struct, or nil where the entity did not exist. So
	// a Change with a nil Prev is a creation, one with a nil Next a removal. A process that has not defined the kind gets the
	// state as a json.RawMessage from a Log that stores bytes. [As] gives both their type back.
	Prev, Next any

	// Fields are the names of the fields that differ, sorted: fields that do not drift, but for a creation and a removal,
	// which list all fields.
	Fields []string

	Actor Actor
	At    time.Time // of the write, in UTC, in microseconds, by the clock of the process that wrote

	// Replayed says that a parked change is delivered again, out of order: later changes of the entity were delivered before.
	Replayed bool
}

// Actor says who made a change. The zero Actor is System.
type Actor struct {
	Type string // "user", "system", "observed", or what the host uses
	ID   string // who of that type
	Name string // for people
}

// check holds for an Actor that every Log gives back as it is.
func (a Actor) check() error {
	const maxName = 16 << 10
	for _, part := range [...]struct {
		field, text string
		limit       int
	}{{"Actor.Type", a.Type, maxID}, {"Actor.ID", a.ID, maxID}, {"Actor.Name", a.Name, maxName}} {
		if len(part.text) > part.limit || !utf8.ValidString(part.text) || strings.IndexByte(part.text, 0) >= 0 {
			return invalid(part.field, part.text, fmt.Sprintf("at most %d bytes of UTF-8 without NUL", part.limit))
		}
	}
	return nil
}

// Actors that this package names itself.
var (
	// System is the actor of a change that names none.
	System = Actor{Type: "system"}

	// Observed is the actor of what somebody else wrote to an External kind, and of what time alone changed.
	Observed = Actor{Type: "observed"}
)

// Typed is a Change with its states as the kind's type. Its Prev and Next stand for those of the Change in it.
type Typed[S any] struct {
	Change
	Prev, Next *S // nil where the entity did not exist
}

// As gives a Change its type back. It reports false where the Change is of a kind with another type, or of one that this
// process has not defined.
func As[S any](c Change) (Typed[S], bool) {
	prev, okPrev := c.Prev.(*S)
	next, okNext := c.Next.(*S)
	ok := (okPrev || c.Prev == nil) && (okNext || c.Next == nil) && (okPrev || okNext)
	return Typed[S]{Change: c, Prev: prev, Next: next}, ok
}

var system, observed = System, Observed // as they are, whatever a host may do to the variables
