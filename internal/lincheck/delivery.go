package lincheck

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Attempt is one call of a handler.
type Attempt struct {
	Change     Change
	Process    int   // where it ran
	Start, End int64 // on the clock of the history
	Failed     bool

	Looked  bool   // the handler has read what follows
	Version int64  // of the entity
	State   *State // of the entity, as a Change would show it
}

// Subscriber is one that gets changes, with all that it was given.
type Subscriber struct {
	Name  string
	Group bool // all members of a group are one subscriber

	// Missed has, for each entity, the Version that it had when the subscription was made: changes up to there need not come.
	Missed map[string]int64

	// Closed says that its process ended before the others, so that the last changes need not come.
	Closed bool

	// Ordered says that it gets all changes one after another, in the order of their Positions.
	Ordered bool

	// Contested says that a process lost its leases without knowing, so that two may have handled one change at one time.
	Contested bool

	Attempts []Attempt
}

// Committed is what writers were told that they published, and by whom it must be seen.
type Committed map[string][]Change // by entity, in the order of the Versions

// NewCommitted sorts changes that were returned to writers, and checks that they are all there is: of each entity the
// Versions 1, 2, 3, ..., each once, each beginning where the one before ended, and not before it.
func NewCommitted(changes []Change) (Committed, error) {
	c := Committed{}
	for _, change := range changes {
		c[change.ID] = append(c[change.ID], change)
	}
	var errs []error
	for id, list := range c {
		slices.SortFunc(list, func(a, b Change) int { return cmp.Compare(a.Version, b.Version) })
		var before Change
		for i, change := range list {
			switch {
			case change.Version != int64(i)+1:
				errs = append(errs, fmt.Errorf("version %d of %s is number %d of those that were returned", change.Version, id, i+1))
			case i > 0 && !same(before.Next, change.Prev):
				errs = append(errs, fmt.Errorf("prev is not the next of the one before: %v, then %v", before, change))
			case change.At.Before(before.At):
				errs = append(errs, fmt.Errorf("time went back: %v, then %v", before, change))
			}
			before = change
		}
	}
	return c, errors.Join(errs...)
}

// of returns a change; false where nobody was told of it.
func (c Committed) of(id string, version int64) (Change, bool) {
	if list := c[id]; version >= 1 && version <= int64(len(list)) {
		return list[version-1], true
	}
	return Change{}, false
}

// Missing lists what a subscriber must still get.
func (c Committed) Missing(s Subscriber) []Change {
	done := map[string]map[int64]bool{}
	for _, a := range s.Attempts {
		if !a.Failed {
			if done[a.Change.ID] == nil {
				done[a.Change.ID] = map[int64]bool{}
			}
			done[a.Change.ID][a.Change.Version] = true
		}
	}
	var missing []Change
	for _, id := range slices.Sorted(maps.Keys(c)) {
		for _, change := range c[id] {
			if change.Version > s.Missed[id] && !done[id][change.Version] {
				missing = append(missing, change)
			}
		}
	}
	return missing
}

// Check checks all that a subscriber was given.
func (c Committed) Check(s Subscriber) error {
	var errs []error
	if !s.Closed {
		for _, change := range c.Missing(s) {
			errs = append(errs, fmt.Errorf("it never got %v", change))
		}
	}
	byID := map[string][]Attempt{}
	for _, a := range s.Attempts {
		byID[a.Change.ID] = append(byID[a.Change.ID], a)
	}
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		errs = append(errs, c.checkEntity(s, id, sorted(byID[id]))...)
	}
	if s.Ordered {
		errs = append(errs, checkPositions(s.Attempts))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// sorted returns calls by their beginning.
func sorted(attempts []Attempt) []Attempt {
	return slices.SortedStableFunc(slices.Values(attempts), func(a, b Attempt) int { return cmp.Compare(a.Start, b.Start) })
}

// checkEntity checks the calls with the changes of one entity, sorted by their beginning.
func (c Committed) checkEntity(s Subscriber, id string, list []Attempt) (errs []error) {
	wrong := func(a Attempt, format string, args ...any) {
		errs = append(errs, fmt.Errorf("[%d %d] %v: %s", a.Start, a.End, a.Change, fmt.Sprintf(format, args...)))
	}
	if first := list[0].Change.Version; first > s.Missed[id]+1 {
		wrong(list[0], "it is the first to come, and the subscription began at version %d", s.Missed[id])
	}
	newest := list[0].Change.Version - 1
	handled := map[int64]int64{newest: 0} // when a change had first been handled, by Version
	positions := map[int64]int64{}        // of the Versions
	for i, a := range list {
		v := a.Change.Version
		want, ok := c.of(id, v)
		want.Position = a.Change.Position
		switch {
		case !ok:
			wrong(a, "it was never committed")
			continue
		case want.String() != a.Change.String():
			wrong(a, "what was committed is %v", want)
		case v > newest+1:
			wrong(a, "it comes after version %d", newest)
		case v == newest+1 && a.Change.Position <= positions[newest]:
			wrong(a, "its position is not behind %d, that of version %d", positions[newest], newest)
		case v <= newest && positions[v] != a.Change.Position:
			wrong(a, "its position was %d when it came first", positions[v])
		case v <= newest && !s.Group && handled[v] > 0:
			wrong(a, "it had been handled, and a broadcast gives each once")
		}
		if at, ok := handled[v-1]; v == newest+1 && (!ok || at > a.Start) {
			wrong(a, "it came before version %d was handled", v-1)
		}
		if i > 0 && !s.Contested && list[i-1].End > a.Start {
			wrong(a, "the call before, of version %d, had not ended", list[i-1].Change.Version)
		}
		if a.Looked {
			errs = append(errs, c.checkLook(a)...)
		}
		newest = max(newest, v)
		positions[v] = a.Change.Position
		if at := handled[v]; !a.Failed && (at == 0 || a.End < at) {
			handled[v] = a.End
		}
	}
	return errs
}

// checkLook checks that who has a change reads at least its Version.
func (c Committed) checkLook(a Attempt) (errs []error) {
	id, v := a.Change.ID, a.Change.Version
	if a.Version < v {
		errs = append(errs, fmt.Errorf("%v: its handler reads version %d", a.Change, a.Version))
	}
	for _, later := range c[id][v-1:] {
		if same(later.Next, a.State) {
			return errs
		}
	}
	return append(errs, fmt.Errorf("%v: its handler reads %v, which is the state of no version from %d on", a.Change, a.State, v))
}

// checkPositions checks that changes come in the order of their Positions, which is asked of the first call with each.
func checkPositions(attempts []Attempt) error {
	var last Change
	seen := map[int64]bool{}
	for _, a := range sorted(attempts) {
		if seen[a.Change.Position] {
			continue
		}
		seen[a.Change.Position] = true
		if a.Change.Position < last.Position {
			return fmt.Errorf("%v came after %v", a.Change, last)
		}
		last = a.Change
	}
	return nil
}

// CheckFeed checks what a Log lists from the beginning: all that was committed, each once, the Positions 1, 2, 3, ... with
// nothing between them but nudges, and those of each entity in the order of the Versions.
func (c Committed) CheckFeed(feed []Change) error {
	var errs []error
	newest := map[string]int64{}
	for i, change := range feed {
		if change.Position != int64(i)+1 {
			errs = append(errs, fmt.Errorf("%v is number %d of the feed", change, i+1))
		}
		if change.Version == 0 {
			continue
		}
		newest[change.ID]++
		want, ok := c.of(change.ID, newest[change.ID])
		want.Position = change.Position
		if !ok || want.String() != change.String() {
			errs = append(errs, fmt.Errorf("the feed has %v, where what was committed is %v", change, want))
		}
	}
	for id, list := range c {
		if n := newest[id]; n != int64(len(list)) {
			errs = append(errs, fmt.Errorf("the feed has %d changes of %s, of which %d were committed", n, id, len(list)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the feed: %w", err)
	}
	return nil
}
