package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/internal/lincheck"
)

// A visitor is one client of a party.
type visitor struct {
	*party
	number int
	scope  scope
	random *rand.Rand
}

func (c *visitor) key() string { return c.keys[c.random.IntN(len(c.keys))] }

func (c *visitor) step() {
	switch n := c.random.IntN(100); {
	case n < 45:
		c.get()
	case n < 65:
		c.getMany()
	case n < 85:
		key := c.key()
		c.change(key)
		c.invalidate(key)
	case n < 90:
		c.change(c.key())
		c.invalidate(c.key(), c.key())
	case n < 98 || c.forget == nil:
		key := c.key()
		c.change(key)
		prefixes := slices.Collect(cache.Prefixes(key))
		c.invalidatePrefix(prefixes[c.random.IntN(len(prefixes))])
	default:
		if err := c.forget(); err != nil {
			c.wrong(err)
		}
	}
	jitter(c.random)
}

// change makes another version true.
func (c *visitor) change(key string) {
	now, version := c.write(key)
	c.note(lincheck.Touch{
		Did: lincheck.Write, Client: c.number, Call: now, Return: now, Stored: lincheck.Stored{Key: key, Version: version},
	})
}

// context returns one that may end at any time, or when its caller ends it, or never.
func (c *visitor) context() (ctx context.Context, end context.CancelFunc) {
	switch c.random.IntN(8) {
	case 0, 1, 2:
		return context.Background(), func() {}
	case 3:
		return context.WithTimeout(context.Background(), time.Duration(c.random.IntN(1000))*time.Microsecond)
	}
	return context.WithCancel(context.Background())
}

func (c *visitor) invalidate(keys ...string) {
	c.invalidated(keys, func(ctx context.Context) error { return c.scope.Invalidate(ctx, keys...) })
}

func (c *visitor) invalidatePrefix(prefix string) {
	var keys []string
	for _, key := range c.keys {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	c.invalidated(keys, func(ctx context.Context) error { return c.scope.InvalidatePrefix(ctx, prefix) })
}

// invalidated calls an invalidation of keys, also under a context that has ended. One that fails is sometimes left at that.
func (c *visitor) invalidated(keys []string, do func(context.Context) error) {
	for {
		ctx, end := c.context()
		if c.random.IntN(4) == 0 {
			end()
		}
		call, versions := c.look(keys...)
		err := do(ctx)
		end()
		switch {
		case err == nil:
			now, _ := c.look()
			for i, key := range keys {
				c.note(lincheck.Touch{
					Did: lincheck.Invalidate, Client: c.number, Call: call, Return: now,
					Stored: lincheck.Stored{Key: key, Version: versions[i]},
				})
			}
			return
		case !errors.Is(err, errLine):
			c.wrong(fmt.Errorf("client %d: invalidate %q: %w", c.number, keys, err))
			return
		}
		c.count(Seen{Failed: 1})
		if c.random.IntN(3) == 0 {
			return
		}
	}
}

func (c *visitor) get() {
	key := c.key()
	ctx, end := c.context()
	defer end()
	load := c.loading(ctx)
	call, versions := c.look(key)
	v, err := c.scope.Get(ctx, key, load.one)
	switch {
	case err == nil:
		c.given(call, versions[0], key, v)
	case errors.Is(err, cache.ErrNotFound):
		c.nothing(call, key)
	default:
		c.explain(ctx, err)
	}
}

func (c *visitor) getMany() {
	var keys []string
	for range 1 + c.random.IntN(2*len(c.keys)) {
		keys = append(keys, c.key())
	}
	ctx, end := c.context()
	defer end()
	load := c.loading(ctx)
	call, versions := c.look(keys...)
	found := map[string]bool{}
	err := c.scope.GetMany(ctx, keys, load.many, func(key string, v lincheck.Stored) {
		i := slices.Index(keys, key)
		if i < 0 {
			c.wrong(fmt.Errorf("client %d asked for %q and was given %s", c.number, keys, key))
			return
		}
		found[key] = true
		c.given(call, versions[i], key, v)
	})
	if err != nil { // then what was not found may be there
		c.explain(ctx, err)
		return
	}
	for _, key := range keys {
		if !found[key] {
			found[key] = true
			c.nothing(call, key)
		}
	}
}

// given notes what a read has given. truth was the version of the key when it was called.
func (c *visitor) given(call, truth int64, key string, v lincheck.Stored) {
	now, _ := c.look()
	if v.Key != key {
		c.wrong(fmt.Errorf("client %d asked for %s and was given %+v", c.number, key, v))
		return
	}
	c.note(lincheck.Touch{Did: lincheck.Given, Client: c.number, Call: call, Return: now, Stored: v})
	seen := Seen{Answers: 1}
	if v.Read < call {
		seen.Kept = 1
	}
	if v.Version < truth {
		seen.Behind = 1
	}
	c.count(seen)
}

func (c *visitor) nothing(call int64, key string) {
	now, _ := c.look()
	c.note(lincheck.Touch{
		Did: lincheck.Nothing, Client: c.number, Call: call, Return: now, Stored: lincheck.Stored{Key: key},
	})
	c.count(Seen{Answers: 1})
}

// explain checks that a read may fail like this.
func (c *visitor) explain(ctx context.Context, err error) {
	_, panicked := errors.AsType[*cache.PanicError](err)
	switch {
	case panicked, errors.Is(err, errLoad), errors.Is(err, cache.ErrGoexit), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		c.count(Seen{Failed: 1})
	default:
		c.wrong(fmt.Errorf("client %d: %w", c.number, err))
	}
}
