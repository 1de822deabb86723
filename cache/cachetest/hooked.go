package cachetest

import (
	"context"
	"sync/atomic"

	"github.com/slokeep/slokeep/cache"
)

// op is what a Scope does with its Provider.
type op int

const (
	reading op = iota
	storing
	deleting
)

// around is called in place of each call of a Provider, and makes it with call.
type around func(what op, call func() error) error

// A hold holds up the first call of a Provider that does one thing, or a later one.
type hold struct {
	of    op
	late  bool // when the Provider has done it, and not before it begins
	begun chan error
	gate  chan struct{}
	over  <-chan struct{} // when the law ends
	pass  int64           // how many calls go through before
	calls atomic.Int64
}

func (w *world) hold(of op) *hold {
	return &hold{of: of, begun: make(chan error, 1), gate: make(chan struct{}), over: w.ctx.Done()}
}

// around returns what holds the call up. It makes it with next, where that is not nil.
func (h *hold) around(next around) around {
	return func(what op, call func() error) error {
		do := call
		if next != nil {
			do = func() error { return next(what, call) }
		}
		if what != h.of || h.calls.Add(1) != h.pass+1 {
			return do()
		}
		var err error
		if h.late {
			err = do()
		}
		h.begun <- nil
		select {
		case <-h.gate:
		case <-h.over:
		}
		if !h.late {
			err = do()
		}
		return err
	}
}

func (h *hold) release() { close(h.gate) }

// hook wraps a Provider. The wrapped one can do what it can.
func hook(p cache.Provider[Value], f around) cache.Provider[Value] {
	h := hooked{p, f}
	fenced, isFenced := p.(cache.Fenced[Value])
	prefixed, isPrefixed := p.(cache.Prefixed)
	switch {
	case isFenced && isPrefixed:
		return struct {
			hookedFenced
			hookedPrefixed
		}{hookedFenced{h, fenced}, hookedPrefixed{f, prefixed}}
	case isFenced:
		return hookedFenced{h, fenced}
	case isPrefixed:
		return struct {
			hooked
			hookedPrefixed
		}{h, hookedPrefixed{f, prefixed}}
	}
	return h
}

type hooked struct {
	p      cache.Provider[Value]
	around around
}

func (h hooked) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value])) error {
	return h.around(reading, func() error { return h.p.Get(ctx, scope, keys, found) })
}

func (h hooked) Set(ctx context.Context, scope string, items []cache.Item[Value]) error {
	return h.around(storing, func() error { return h.p.Set(ctx, scope, items) })
}

func (h hooked) Delete(ctx context.Context, scope string, keys []string) error {
	return h.around(deleting, func() error { return h.p.Delete(ctx, scope, keys) })
}

type hookedFenced struct {
	hooked
	fenced cache.Fenced[Value]
}

func (h hookedFenced) GetFenced(
	ctx context.Context, scope string, keys []string, found func(int, cache.Entry[Value]), missed func(int, cache.Token),
) error {
	return h.around(reading, func() error { return h.fenced.GetFenced(ctx, scope, keys, found, missed) })
}

func (h hookedFenced) SetIf(ctx context.Context, scope string, items []cache.Item[Value]) (stored int, err error) {
	err = h.around(storing, func() error {
		stored, err = h.fenced.SetIf(ctx, scope, items)
		return err
	})
	return stored, err
}

type hookedPrefixed struct {
	hook     around
	prefixed cache.Prefixed
}

func (h hookedPrefixed) DeletePrefix(ctx context.Context, scope, prefix string) error {
	return h.hook(deleting, func() error { return h.prefixed.DeletePrefix(ctx, scope, prefix) })
}
