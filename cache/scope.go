package cache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Bounds of what is given to a Scope.
const (
	MaxName = 256                  // bytes of a scope's name
	MaxKey  = 1024                 // bytes of a key
	MaxTTL  = 365 * 24 * time.Hour // of an entry
)

// DefaultTTL is for how long an entry is given where Options say nothing.
const DefaultTTL = 5 * time.Minute

// Options are those of a Scope. The zero value of each field is its default.
type Options struct {
	// TTL is for how long a value may be given after it was loaded. 0: [DefaultTTL]. At most [MaxTTL].
	TTL time.Duration

	// NegativeTTL is for how long it may be said again that a loader found nothing. 0: each time the loader is asked. At most
	// [MaxTTL].
	NegativeTTL time.Duration

	// OnError hears, as an [OpError], of what fails without an error for a caller: a read or a store of the Provider, an entry
	// that cannot be read, a codec that loses data, a batch loader that finds what it was not asked for. It is called from the
	// goroutine that saw it, also after callers have got their answers, and from several at once; it may call the scope. A
	// panic of it is dropped. nil: nobody hears; Stats count it.
	OnError func(error)
}

// Scope reads through a [Provider]: what is under a key is taken from there, else loaded, once for all who ask, and stored.
// Its keys are its own: scopes of other names on the same Provider do not see them. [NewScope] makes one. It is safe for
// concurrent use, and holds no goroutine.
//
// The laws that it keeps are those of the package. A Scope with the same name on the same [Memory] is the same scope; on a
// provider that is neither Memory nor [Fenced] it is one of another process, which is told of no invalidation.
type Scope[V any] struct {
	c   *core[V]
	ttl time.Duration
}

// core is what the views of one Scope share.
type core[V any] struct {
	*flights[V]
	name        string
	provider    Provider[V]
	fenced      Fenced[V] // the provider, where it is one
	space       *space[V] // of the provider, where that is a Memory
	negativeTTL time.Duration
	onError     func(error)
	counts      counts
}

// NewScope makes the Scope called name on a provider. A name ends in a separator, like "orders:", and has at most [MaxName]
// bytes. nil options are the defaults. ErrInvalid: a nil provider, a name or an option outside of its bounds.
func NewScope[V any](provider Provider[V], name string, opts *Options) (*Scope[V], error) {
	if opts == nil {
		opts = &Options{}
	}
	switch {
	case isNil(provider):
		return nil, invalid("provider", "nil", "a Provider")
	case len(name) > MaxName || !strings.HasSuffix(name, Separator) || name == Separator:
		return nil, invalid("name", quote(name), fmt.Sprintf("2 to %d bytes, the last of them %q", MaxName, Separator))
	case opts.TTL < 0 || opts.TTL > MaxTTL:
		return nil, invalid("TTL", opts.TTL, "0 to "+MaxTTL.String())
	case opts.NegativeTTL < 0 || opts.NegativeTTL > MaxTTL:
		return nil, invalid("NegativeTTL", opts.NegativeTTL, "0 to "+MaxTTL.String())
	}
	c := &core[V]{name: name, provider: provider, negativeTTL: opts.NegativeTTL, onError: opts.OnError}
	c.fenced, _ = provider.(Fenced[V])
	if m, ok := provider.(*Memory[V]); ok {
		c.space = m.space(name)
		c.flights = &c.space.flights
	} else {
		c.flights = &flights[V]{}
	}
	ttl := opts.TTL
	if ttl == 0 {
		ttl = DefaultTTL
	}
	return &Scope[V]{c: c, ttl: ttl}, nil
}

// isNil reports whether there is no provider, or a nil pointer to one.
func isNil(provider any) bool {
	v := reflect.ValueOf(provider)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// WithTTL returns the same scope with another TTL for what its Get and GetMany load: one who joins a load gets what that was
// begun with. 0 is [DefaultTTL], not the TTL of the scope's Options. With one below 0 or above [MaxTTL] its Get and GetMany
// return ErrInvalid.
func (s *Scope[V]) WithTTL(ttl time.Duration) *Scope[V] {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	return &Scope[V]{c: s.c, ttl: ttl}
}

// Loader loads what is under a key, from where the truth is. An error that matches [ErrNotFound] says that there is nothing.
//
// Its ctx has the values of the ctx of the caller who was first, and ends when nobody waits for the load any more: what it
// returns then is dropped.
type Loader[V any] func(ctx context.Context, key string) (V, error)

// Get returns what is under key: what is kept, else what load gives, which is then stored. Others who ask for key meanwhile
// wait for that same load.
//
// Key has 1 to [MaxKey] bytes, and at most [MaxSeparators] separators. The errors:
//
//   - ErrInvalid for a key or a TTL outside its bounds, and a nil load;
//   - that of ctx where it has ended, before the call or in it: at once, but for a provider that is being read and does not
//     heed it;
//   - [ErrNotFound] where there is nothing;
//   - [ErrRecursive], [ErrGoexit] and a [PanicError];
//   - and that of the loader, as it is.
//
// A failing provider is none: the loader answers then. What was loaded is stored before Get returns, unless ctx ends first,
// whereupon Get returns the value all the same.
//
// A load runs on a goroutine of its own, unless ctx can never end: then nothing can end the caller's wait, and the load runs
// on the calling goroutine, which is faster. Where it calls runtime.Goexit, that goroutine ends; the others get ErrGoexit.
func (s *Scope[V]) Get(ctx context.Context, key string, load Loader[V]) (V, error) {
	if s.c.space != nil && load != nil && s.ttl > 0 && s.ttl <= MaxTTL && ctx.Err() == nil {
		if n, stripe := s.c.space.find(key); n != nil {
			s.c.counts.hit(stripe)
			return n.entry.result()
		}
	}
	return s.get(ctx, key, load)
}

// result is what a Get returns of an entry that was kept.
func (e *Entry[V]) result() (v V, err error) {
	if e.Absent {
		return v, ErrNotFound
	}
	return e.Value, nil
}

// get is Get without the short way through Memory.
func (s *Scope[V]) get(ctx context.Context, key string, load Loader[V]) (zero V, err error) {
	c := s.c
	if load == nil {
		return zero, invalid("load", "nil", "a Loader")
	}
	if err := s.check(key); err != nil {
		return zero, err
	}
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	look := s.ask
	if c.space != nil {
		look = s.lookAgain
	}
	outer := waiterOf(ctx)
	hit, f, begin, err := look(ctx, key, load, outer)
	switch {
	case err != nil:
		return zero, err
	case hit != nil:
		c.counts.hit(0)
		return hit.result()
	}
	c.counts.misses.Add(1)
	if begin {
		f.load.start(ctx)
	}
	if err := c.wait(ctx, f, outer); err != nil {
		return zero, err
	}
	return f.entry.Value, f.err
}

// lookAgain finds what Memory has got since it was looked at, or joins a load, or makes one for the caller to begin.
func (s *Scope[V]) lookAgain(ctx context.Context, key string, load Loader[V], outer *waiter) (hit *Entry[V], f *flight[V], begin bool, err error) {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if f = c.byKey[key]; f != nil {
		return nil, f, false, c.join(f, outer)
	}
	if n := c.space.findSurely(key); n != nil {
		return &n.entry, nil, false, nil
	}
	l := s.newLoad(ctx)
	f = &l.own
	f.key, f.storable = key, true
	c.add(f)
	l.take(f, load)
	return nil, f, true, c.join(f, outer)
}

// ask asks a provider that is not in this process, and else joins a load or makes one for the caller to begin.
func (s *Scope[V]) ask(ctx context.Context, key string, load Loader[V], outer *waiter) (hit *Entry[V], f *flight[V], begin bool, err error) {
	c := s.c
	c.mu.Lock()
	held := c.hold(key)
	c.mu.Unlock()
	defer func() { c.release(held) }()
	var hits [1]*Entry[V] // another index is a panic of the provider
	var readings [1]reading
	failed := c.read(ctx, []string{key},
		func(i int, e Entry[V]) { hits[i] = &e },
		func(i int, t Token) { readings[i] = reading{token: t, known: true} })
	if c.fenced == nil {
		readings[0].known = readable(failed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case hits[0] != nil:
		return hits[0], nil, false, nil
	case ctx.Err() != nil:
		return nil, nil, false, ctx.Err()
	}
	if f, err = c.enter(held, readings[0], outer); err != nil {
		return nil, nil, false, err
	}
	if begin = f.load == nil; begin {
		s.newLoad(ctx).take(f, load)
	}
	return nil, f, begin, c.join(f, outer)
}

// read asks the provider for keys. missed is called by a fenced one alone. An error has been reported.
func (c *core[V]) read(ctx context.Context, keys []string, found func(int, Entry[V]), missed func(int, Token)) error {
	err := guard(func() error {
		if c.fenced != nil {
			return c.fenced.GetFenced(ctx, c.name, keys, found, missed)
		}
		return c.provider.Get(ctx, c.name, keys, found)
	})
	if err != nil && ctx.Err() == nil {
		c.failed("read", err)
	}
	return err
}

// readable reports whether a provider that is not fenced, and read with this error, can be stored to.
func readable(err error) bool { return err == nil || errors.Is(err, ErrUnreadable) }

// Invalidate says that what is under the keys has changed. Call it after the change has been committed. Once it has returned
// nil, nobody who then calls Get or GetMany is given what was loaded from before; what is being loaded goes to those alone
// who already wait for it. Keys that were never seen are invalidated like others; no keys are nothing to do.
//
// It is done even where ctx has ended, since only the values of ctx are used: how long it may take is up to the provider, on
// one that is not fenced also how long a store that is under way takes. ErrInvalid: a key outside its bounds; then nothing
// is invalidated. Any other error is the provider's, and says that old values may still be given until their TTL is over.
func (s *Scope[V]) Invalidate(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	if len(keys) == 0 {
		return nil
	}
	c := s.c
	c.counts.invalidations.Add(1)
	if c.fenced == nil {
		c.makeStale(keys)
	}
	if c.space != nil {
		for _, key := range keys {
			c.space.remove(key)
		}
		return nil
	}
	if len(keys) > 1 {
		keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	}
	return c.invalidated(func() error { return c.provider.Delete(context.WithoutCancel(ctx), c.name, keys) })
}

// InvalidatePrefix is [Scope.Invalidate] for all keys that begin with prefix, seen or not. prefix is empty, for the whole
// scope, or ends in a separator, of which it has at most [MaxSeparators]; else it is ErrInvalid. [ErrNoPrefixes]: the
// provider cannot do it.
func (s *Scope[V]) InvalidatePrefix(ctx context.Context, prefix string) error {
	c := s.c
	if prefix != "" {
		if !strings.HasSuffix(prefix, Separator) {
			return invalid("prefix", quote(prefix), fmt.Sprintf("one that ends in %q", Separator))
		}
		if err := checkBounds("prefix", prefix); err != nil {
			return err
		}
	}
	prefixed, ok := c.provider.(Prefixed)
	if !ok {
		return fmt.Errorf("%w: %T", ErrNoPrefixes, c.provider)
	}
	c.counts.invalidations.Add(1)
	if c.fenced == nil {
		c.makeStaleByPrefix(prefix)
	}
	return c.invalidated(func() error { return prefixed.DeletePrefix(context.WithoutCancel(ctx), c.name, prefix) })
}

func (c *core[V]) invalidated(remove func() error) error {
	if err := guard(remove); err != nil {
		c.counts.errors.Add(1)
		return fmt.Errorf("cache: invalidate in scope %s: %w", quote(c.name), err)
	}
	return nil
}

// failed reports an error that no caller gets. What OnError does wrong reaches nobody.
func (c *core[V]) failed(doing string, err error) {
	c.counts.errors.Add(1)
	if c.onError != nil {
		_ = guard(func() error {
			c.onError(&OpError{Op: doing, Scope: c.name, Err: err})
			return nil
		})
	}
}

// check checks what Get and GetMany are given.
func (s *Scope[V]) check(key string) error {
	if s.ttl < 0 || s.ttl > MaxTTL {
		return invalid("TTL", s.ttl, "0 to "+MaxTTL.String())
	}
	return checkKey(key)
}

func checkKey(key string) error { return checkBounds("key", key) }

func checkBounds(what, key string) error {
	if len(key) == 0 || len(key) > MaxKey {
		return invalid(what, quote(key), fmt.Sprintf("1 to %d bytes", MaxKey))
	}
	if n := strings.Count(key, Separator); n > MaxSeparators {
		return invalid(what, quote(key), fmt.Sprintf("at most %d of %q, not %d", MaxSeparators, Separator, n))
	}
	return nil
}

// quote shows a name or key in an error, the beginning of a long one.
func quote(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("%.64q... (%d bytes)", s, len(s))
	}
	return fmt.Sprintf("%q", s)
}
