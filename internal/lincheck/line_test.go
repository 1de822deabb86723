package lincheck_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/internal/lincheck"
)

var errLine = errors.New("the line has failed")

// line is the way to a provider: slow now and then, and one that fails before or after the work was done.
type line struct{ failing float64 }

// lineOf is the line of a seed, which works always, mostly, or so badly that calls which fail meet.
func lineOf(seed uint64) line { return line{[]float64{0, 0.02, 0.3}[seed%3]} }

func (l line) over(do func() error) error {
	if err := l.pass(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return l.pass()
}

func (l line) pass() error {
	jitter(newRandom())
	if rand.Float64() >= l.failing {
		return nil
	}
	if rand.IntN(3) == 0 {
		panic(errLine)
	}
	return errLine
}

// keeper is what a provider must be for both sorts of invalidation.
type keeper interface {
	cache.Provider[lincheck.Stored]
	cache.Prefixed
}

// shaky is a provider at the end of a line, where it cannot fence.
type shaky struct {
	keeper keeper
	line   line
}

func (s shaky) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[lincheck.Stored])) error {
	return s.line.over(func() error { return s.keeper.Get(ctx, scope, keys, found) })
}

func (s shaky) Set(ctx context.Context, scope string, items []cache.Item[lincheck.Stored]) error {
	return s.line.over(func() error { return s.keeper.Set(ctx, scope, items) })
}

func (s shaky) Delete(ctx context.Context, scope string, keys []string) error {
	return s.line.over(func() error { return errors.Join(ctx.Err(), s.keeper.Delete(ctx, scope, keys)) })
}

func (s shaky) DeletePrefix(ctx context.Context, scope, prefix string) error {
	return s.line.over(func() error { return errors.Join(ctx.Err(), s.keeper.DeletePrefix(ctx, scope, prefix)) })
}

// shakyFenced is shaky where it can.
type shakyFenced struct {
	shaky
	fenced cache.Fenced[lincheck.Stored]
}

func (s shakyFenced) GetFenced(
	ctx context.Context, scope string, keys []string, found func(int, cache.Entry[lincheck.Stored]), missed func(int, cache.Token),
) error {
	return s.line.over(func() error { return s.fenced.GetFenced(ctx, scope, keys, found, missed) })
}

// SetIf is sometimes believed to have failed, and arrives all the same, later.
func (s shakyFenced) SetIf(ctx context.Context, scope string, items []cache.Item[lincheck.Stored]) (stored int, err error) {
	if rand.Float64() < s.line.failing {
		time.AfterFunc(rand.N(3*time.Millisecond), func() { _, _ = s.fenced.SetIf(ctx, scope, items) })
		return 0, errLine
	}
	err = s.line.over(func() (err error) {
		stored, err = s.fenced.SetIf(ctx, scope, items)
		return err
	})
	return stored, err
}
