package entitytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/slokeep/slokeep/entity"
)

// errRollback is what CheckRead rolls back with.
var errRollback = errors.New("entitytest: rolled back")

// CheckRead checks a host's read function, as it is given to entity.Define, against the host's own write: read must see
// what the transaction of its ctx sees, and neither more nor less than it is asked for. It fails t with what is wrong where
// read
//
//   - does not find, in the transaction, what write wrote there, or still finds what remove removed there: it reads outside
//     of the transaction;
//   - finds, after a rollback or a commit, what was before: it caches;
//   - finds an id that it was not asked for, or finds one twice.
//
// The log must be one whose transactions the host's writes are part of: the log of the host's database. write makes the
// entity with that id, and remove removes it; both are called several times, each in a transaction of the log. There must be
// no entity with the id, nor with the id and "-absent" behind it, and at the end there is none.
func CheckRead[S any](
	t testing.TB, log entity.Log, read func(ctx context.Context, ids []string, found func(id string, s S)) error,
	id string, write, remove func(ctx context.Context) error,
) {
	t.Helper()
	c := &readCheck{TB: t, log: log, id: id, count: func(ctx context.Context, ids []string) (map[string]int, error) {
		counts := map[string]int{}
		err := read(ctx, ids, func(id string, _ S) { counts[id]++ })
		return counts, err
	}}
	ctx := t.Context()
	c.look(ctx, "before anything was written", false)
	for _, step := range []struct {
		what   string
		do     func(ctx context.Context) error
		before bool
	}{{"a write", write, false}, {"a removal", remove, true}} {
		if c.Failed() {
			return // what follows from a fault teaches nothing
		}
		c.run(ctx, step.what, step.do, step.before, errRollback)
		c.look(ctx, "after "+step.what+" that was rolled back", step.before)
		c.run(ctx, step.what, step.do, step.before, nil)
		c.look(ctx, "after "+step.what+" that was committed", !step.before)
	}
}

type readCheck struct {
	testing.TB
	log   entity.Log
	id    string
	count func(ctx context.Context, ids []string) (map[string]int, error)
}

// run does a step in a transaction that ends with end, and looks before and behind it.
func (c *readCheck) run(ctx context.Context, what string, do func(ctx context.Context) error, before bool, end error) {
	c.Helper()
	err := c.log.InTx(ctx, func(ctx context.Context) error {
		c.look(ctx, "in the transaction, before "+what, before)
		if err := do(ctx); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		c.look(ctx, "in the transaction, after "+what, !before)
		return end
	})
	if !errors.Is(err, end) {
		c.Fatalf("the transaction with %s: %v", what, err)
	}
}

// look reads the id alone, with others, and not at all, and wants it found where it is there.
func (c *readCheck) look(ctx context.Context, when string, there bool) {
	c.Helper()
	absent := c.id + "-absent"
	for _, ids := range [][]string{{c.id}, {absent, c.id}, {c.id, absent}, {absent}, {}} {
		counts, err := c.count(ctx, ids)
		if err != nil {
			c.Fatalf("%s, read of %q: %v", when, ids, err)
		}
		want := 0
		if there && slices.Contains(ids, c.id) {
			want = 1
		}
		if got := counts[c.id]; got != want {
			c.Errorf("%s, read of %q finds %q %d times: want %d", when, ids, c.id, got, want)
		}
		delete(counts, c.id)
		for id := range counts {
			c.Errorf("%s, read of %q finds %q, which is not there or was not asked for", when, ids, id)
		}
	}
}
