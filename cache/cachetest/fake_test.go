package cachetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// store is a Provider's memory that keeps the laws, but for one fault.
type store[V any] struct {
	mu      sync.Mutex
	fault   string
	entries map[place]kept[V]
	markers map[place]int64 // of keys, and of prefixes with a "^" before them
	loses   func(V) bool    // whether the codec loses a value
	barred  []string        // prefixes, where the fault is that
}

type place struct{ scope, key string }

type kept[V any] struct {
	entry    cache.Entry[V]
	deadline time.Time
	spoiled  bool
}

func newStore[V any](fault string) *store[V] {
	return &store[V]{
		fault: fault, entries: map[place]kept[V]{}, markers: map[place]int64{}, loses: func(V) bool { return false },
	}
}

// end is a handle on a store.
type end[V any] struct {
	*store[V]
	cut atomic.Bool
}

var (
	_ cache.Fenced[Value] = (*end[Value])(nil)
	_ cache.Prefixed      = (*end[Value])(nil)
)

// enter locks the store, or fails.
func (e *end[V]) enter(ctx context.Context) error {
	if e.cut.Load() {
		return errors.New("fake: cut off")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	e.mu.Lock()
	return nil
}

func (e *end[V]) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[V])) error {
	return e.GetFenced(ctx, scope, keys, found, nil)
}

func (e *end[V]) GetFenced(
	ctx context.Context, scope string, keys []string, found func(int, cache.Entry[V]), missed func(int, cache.Token),
) error {
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.mu.Unlock()
	var err error
	for i, key := range keys {
		k, ok := e.entries[place{scope, key}]
		switch {
		case ok && k.spoiled:
			err = fmt.Errorf("%w: %q", cache.ErrUnreadable, key)
		case ok && time.Now().Before(k.deadline):
			found(i, k.entry)
			continue
		}
		if missed != nil {
			missed(i, e.token(scope, key, true))
		}
	}
	return err
}

// token returns the token of a key, and makes the markers it is made from, or returns none.
func (s *store[V]) token(scope, key string, miss bool) cache.Token {
	var b strings.Builder
	for _, at := range s.marks(scope, key) {
		if s.markers[at] == 0 {
			if !miss {
				return ""
			}
			s.markers[at] = 1
			if s.fault != "markers start at 1" {
				s.markers[at] = rand.Int64()>>1 + 1
			}
		}
		fmt.Fprint(&b, s.markers[at], " ")
	}
	return cache.Token(b.String())
}

func (s *store[V]) marks(scope, key string) []place {
	list := []place{{scope, key}}
	for prefix := range cache.Prefixes(key) {
		list = append(list, place{scope, "^" + prefix})
	}
	return list
}

func (s *store[V]) bump(at place) {
	switch {
	case s.markers[at] == 0:
	case s.fault == "a marker has three values" && !strings.HasPrefix(at.key, "^"):
		n := s.markers[at]
		s.markers[at] = n&^3 | (n&3+1)%3
	default:
		s.markers[at]++
	}
}

func (e *end[V]) Set(ctx context.Context, scope string, items []cache.Item[V]) error {
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.mu.Unlock()
	var err error
	for _, it := range items {
		if barred := e.barredFrom(it.Key); !barred {
			err = errors.Join(err, e.put(scope, it))
		}
	}
	return err
}

func (s *store[V]) barredFrom(key string) bool {
	for _, prefix := range s.barred {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

func (s *store[V]) put(scope string, it cache.Item[V]) error {
	at := place{scope, it.Key}
	if s.loses(it.Entry.Value) {
		delete(s.entries, at)
		return fmt.Errorf("%w: %q", cache.ErrCodec, it.Key)
	}
	k := kept[V]{entry: it.Entry, deadline: time.Now().Add(it.TTL)}
	old := s.entries[at]
	switch {
	case s.fault == "a Set keeps an earlier deadline" && old.deadline.Before(k.deadline) && !old.deadline.IsZero():
		k.deadline = old.deadline
	case s.fault == "a TTL below a millisecond is none" && it.TTL < time.Millisecond:
		k.deadline = time.Now().Add(cache.MaxTTL)
	}
	s.entries[at] = k
	return nil
}

func (e *end[V]) SetIf(ctx context.Context, scope string, items []cache.Item[V]) (stored int, err error) {
	if err := e.enter(ctx); err != nil {
		return 0, err
	}
	defer e.mu.Unlock()
	for _, it := range items {
		token := e.token(scope, it.Key, false)
		switch {
		case it.Token == "" && e.fault == "no token is any token":
		case token == "" && e.fault == "SetIf makes markers":
			marks := e.marks(scope, it.Key)
			for i, field := range strings.Fields(string(it.Token)) {
				n, _ := strconv.ParseInt(field, 10, 64)
				e.markers[marks[i]] = n
			}
			continue
		case token == "" || token != it.Token:
			if e.fault == "SetIf with an old token removes" {
				delete(e.entries, place{scope, it.Key})
			}
			continue
		}
		if e.fault == "a store uses the token up" {
			e.bump(place{scope, it.Key})
		}
		if failed := e.put(scope, it); failed != nil {
			err = failed
			continue
		}
		stored++
	}
	return stored, err
}

func (e *end[V]) Delete(ctx context.Context, scope string, keys []string) error {
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.mu.Unlock()
	for _, key := range keys {
		at := place{scope, key}
		if e.fault == "Delete leaves absent entries" && e.entries[at].entry.Absent {
			continue
		}
		delete(e.entries, at)
		if e.fault == "Delete is two steps" {
			e.mu.Unlock()
			yield()
			e.mu.Lock()
		}
		e.bump(at)
		if e.fault == "Delete takes a key for a prefix" {
			e.bump(place{scope, "^" + key + cache.Separator})
		}
	}
	return nil
}

func (e *end[V]) DeletePrefix(ctx context.Context, scope, prefix string) error {
	if err := e.enter(ctx); err != nil {
		return err
	}
	defer e.mu.Unlock()
	deep := strings.Count(prefix, cache.Separator)
	deleted := 0
	for at := range e.entries {
		in := strings.HasPrefix(at.key, prefix)
		switch e.fault {
		case "a prefix is taken without its separator":
			in = strings.HasPrefix(at.key, strings.TrimSuffix(prefix, cache.Separator))
		case "a prefix of four parts removes nothing":
			in = in && deep < cache.MaxSeparators
		case "a prefix is a pattern":
			in = matches(prefix+"*", at.key)
		case "a prefix has at most 512 keys":
			in = in && deleted < 512
		}
		everywhere := e.fault == "the empty prefix is everything" && prefix == ""
		if (at.scope == scope || everywhere) && in {
			delete(e.entries, at)
			deleted++
		}
	}
	if e.fault == "what has a prefix that was deleted is not set again" && deep == 2 {
		e.barred = append(e.barred, prefix)
	}
	if e.fault != "a prefix of four parts is not counted" || deep < cache.MaxSeparators {
		e.bump(place{scope, "^" + prefix})
	}
	return nil
}

// forget drops all.
func (s *store[V]) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.entries)
	clear(s.markers)
}

func (s *store[V]) spoil(scope, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[place{scope, key}] = kept[V]{spoiled: true}
}

// open opens a Provider of Hidden, whose codec is as JSON is.
func openLossy(testing.TB) cache.Provider[Hidden] {
	s := newStore[Hidden]("")
	s.loses = func(v Hidden) bool { return v != Hidden{} }
	return &end[Hidden]{store: s}
}
