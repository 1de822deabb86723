package entity_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

func TestAsGivesAChangeItsTypeBack(t *testing.T) {
	open, paid := order("open"), order("paid")
	raw := json.RawMessage(`{"status":"open"}`)
	for _, c := range []struct {
		name       string
		prev, next any
		want       bool
	}{
		{"a creation", nil, &open, true},
		{"a change", &open, &paid, true},
		{"a removal", &open, nil, true},
		{"no state at all", nil, nil, false},
		{"states of another type", &Link{}, &Link{}, false},
		{"a state of another type before", &Link{}, &open, false},
		{"a state of another type after", &open, &Link{}, false},
		{"bytes, as of a kind that is not defined here", raw, raw, false},
		{"bytes before", raw, &open, false},
		{"bytes after", &open, raw, false},
		{"a struct and no pointer to it", open, paid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := entity.Change{Kind: "order", ID: "a", Version: 3, Prev: c.prev, Next: c.next}
			typed, ok := entity.As[Order](change)
			if ok != c.want {
				t.Fatalf("got %t, want %t", ok, c.want)
			}
			if !ok {
				return
			}
			prev, _ := c.prev.(*Order)
			next, _ := c.next.(*Order)
			if diff := cmp.Diff(entity.Typed[Order]{Change: change, Prev: prev, Next: next}, typed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPanicErrorSaysWhatAndKeepsWhere(t *testing.T) {
	err := error(&entity.PanicError{Value: errPanic, Stack: []byte("goroutine 1 [running]:")})
	if !errors.Is(err, errPanic) || err.Error() != "panic: thrown" {
		t.Errorf("got %v", err)
	}
	err = &entity.PanicError{Value: "no error"}
	if errors.Unwrap(err) != nil || err.Error() != "panic: no error" {
		t.Errorf("got %v, which wraps %v", err, errors.Unwrap(err))
	}
}
