package entity_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/entity"
)

// ignore is a watch's function that has nothing to do.
func ignore(context.Context, entity.Firing) error { return nil }

func TestWatchesRefuseBadInput(t *testing.T) {
	good := entity.Is(entity.Path("thing", "a", "on"), true)
	at := func(field ...string) string { return entity.Path("thing", "a", field...) }
	options := func(change func(o *entity.WatchOptions)) *entity.WatchOptions {
		o := &entity.WatchOptions{Name: "w"}
		change(o)
		return o
	}
	for _, tt := range []struct {
		name      string
		condition entity.Condition
		fn        func(context.Context, entity.Firing) error
		opts      *entity.WatchOptions
		names     string // what the error must name
	}{
		{"the zero Condition", entity.Condition{}, ignore, nil, "zero Condition"},
		{"NaN", entity.Below(at("size"), math.NaN()), ignore, nil, "NaN"},
		{"an infinite number", entity.Above(at("size"), math.Inf(1)), ignore, nil, "Inf"},
		{"a fault deep inside", entity.Not(entity.All(good, entity.Any(good, entity.Condition{}))), ignore, nil, "zero Condition"},
		{"a kind that is not defined", entity.Is("state.thong.a.on", true), ignore, nil, `"thong"`},
		{"the registry's own kind", entity.Is("state.watch.w.condition", "x"), ignore, nil, `"watch"`},
		{"a field that is not there", entity.Is(at("off"), true), ignore, nil, `"off"`},
		{"a part that is not there", entity.Below(at("part", "length"), 1), ignore, nil, `"length"`},
		{"a part of a number", entity.Below(at("size", "x"), 1), ignore, nil, `"x"`},
		{"a part of what encodes itself", entity.Below(at("since", "wall"), 1), ignore, nil, `"wall"`},
		{"an index that is none", entity.Is(at("parts", "first", "owner"), "x"), ignore, nil, `"first"`},
		{"a negative index", entity.Is(at("parts", "-1", "owner"), "x"), ignore, nil, `"-1"`},
		{"a key that is no number", entity.Below(at("byID", "one", "size"), 1), ignore, nil, `"one"`},
		{"a key beyond its type", entity.Below(at("byID", "3000000000", "size"), 1), ignore, nil, `"3000000000"`},
		{"< on text", entity.Below(at("name"), 1), ignore, nil, "string"},
		{"> on a bool", entity.Above(at("on"), 1), ignore, nil, "bool"},
		{"a band on a struct", entity.Between(at("part"), 1, 2), ignore, nil, "Part"},
		{"< on a number with a text of its own", entity.Below(at("grade"), 1), ignore, nil, "Grade"},
		{"== of a number with text", entity.Is(at("size"), "1"), ignore, nil, `"1"`},
		{"== of text with a number", entity.Is(at("name"), 1), ignore, nil, "1"},
		{"== of a time with what is none", entity.Is(at("since"), "noon"), ignore, nil, `"noon"`},
		{"== of a list", entity.Is(at("parts"), true), ignore, nil, "true"},
		{"== on a field that drifts", entity.Is("state.gauge.a.level", 1), ignore, nil, "drifts"},
		{"no function", good, nil, nil, "fn"},
		{"a Group without a Name", good, ignore, &entity.WatchOptions{Group: "g"}, "Name"},
		{"a blank Name", good, ignore, options(func(o *entity.WatchOptions) { o.Name = " " }), "Name"},
		{"a Name with a NUL", good, ignore, options(func(o *entity.WatchOptions) { o.Name = "a\x00" }), "Name"},
		{"a long Name", good, ignore, options(func(o *entity.WatchOptions) { o.Name = strings.Repeat("x", 257) }), "Name"},
		{"a blank Group", good, ignore, options(func(o *entity.WatchOptions) { o.Group = "\t" }), "Group"},
		{"a Group that is not UTF-8", good, ignore, options(func(o *entity.WatchOptions) { o.Group = "\xff" }), "Group"},
		{"negative Attempts", good, ignore, options(func(o *entity.WatchOptions) { o.Attempts = -1 }), "Attempts"},
		{"a negative Backoff", good, ignore, options(func(o *entity.WatchOptions) { o.Backoff = -1 }), "Backoff"},
		{"a negative Timeout", good, ignore, options(func(o *entity.WatchOptions) { o.Timeout = -1 }), "Timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newGaugeWorld(t, nil)
			define(t, w.reg, "thing", newTable[Thing]().read, nil)
			stop, err := w.reg.Watch(t.Context(), tt.condition, tt.fn, tt.opts)
			if !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), tt.names) || stop != nil {
				t.Errorf("Watch: got %v, want ErrInvalid that names %s", err, tt.names)
			}
			if tt.opts == nil && tt.fn != nil {
				if err := w.reg.WaitUntil(t.Context(), tt.condition); !errors.Is(err, entity.ErrInvalid) || !strings.Contains(err.Error(), tt.names) {
					t.Errorf("WaitUntil: got %v, want ErrInvalid that names %s", err, tt.names)
				}
			}
			for range w.log.Watches(t.Context()) {
				t.Error("it is registered all the same")
			}
		})
	}
}

func TestWatchesOfARegistryThatEnds(t *testing.T) {
	good := entity.Is("state.gauge.a.mode", "on")
	for name, opts := range map[string]*entity.WatchOptions{"plain": nil, "named": {Name: "w", Group: "g"}} {
		t.Run(name+", with a ctx that has ended", func(t *testing.T) {
			w := newGaugeWorld(t, nil)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := w.reg.Watch(ctx, good, ignore, opts); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want Canceled", err)
			}
		})
		t.Run(name+", after Close", func(t *testing.T) {
			w := newGaugeWorld(t, nil)
			if err := w.reg.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := w.reg.Watch(t.Context(), good, ignore, opts); !errors.Is(err, entity.ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		})
	}
	t.Run("DropWatch of none, of a blank name, and after Close", func(t *testing.T) {
		w := newGaugeWorld(t, nil)
		if err := w.reg.DropWatch(t.Context(), "w"); !errors.Is(err, entity.ErrNotFound) {
			t.Errorf("of none: got %v, want ErrNotFound", err)
		}
		if err := w.reg.DropWatch(t.Context(), " "); !errors.Is(err, entity.ErrInvalid) {
			t.Errorf("of a blank name: got %v, want ErrInvalid", err)
		}
		if err := w.reg.Close(); err != nil {
			t.Fatal(err)
		}
		if err := w.reg.DropWatch(t.Context(), "w"); !errors.Is(err, entity.ErrClosed) {
			t.Errorf("after Close: got %v, want ErrClosed", err)
		}
	})
}
