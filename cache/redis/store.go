package rediscache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/slokeep/slokeep/cache"
)

// How much one script stores, since the server does nothing else meanwhile.
const (
	itemsAtOnce = 100
	bytesAtOnce = 1 << 20 // reached by the last one
)

// Set stores items, whatever was under their keys. It is one round trip for the tokens, and those of SetIf. What is deleted
// while it runs may be gone.
func (p *Provider[V]) Set(ctx context.Context, scope string, items []cache.Item[V]) error {
	keys, all := make([]string, len(items)), make([]int, len(items))
	for i := range items {
		keys[i], all[i] = items[i].Key, i
	}
	b := newBatch(p.slot(scope), keys)
	if err := p.makeTokens(ctx, b, all); err != nil {
		return fmt.Errorf("rediscache: make tokens: %w", err)
	}
	items = slices.Clone(items)
	for i := range items {
		items[i].Token = b.token(i)
	}
	_, err := p.SetIf(ctx, scope, items)
	return err
}

// SetIf stores those of the items whose Token is still their key's, and returns how many. It is one round trip for each 100
// items, and for what makes a megabyte. That one cannot be stored is no hindrance for the others, and an error that matches
// [cache.ErrCodec] or [ErrTooLarge]; what was under its key is removed, if its Token allows that.
func (p *Provider[V]) SetIf(ctx context.Context, scope string, items []cache.Item[V]) (stored int, err error) {
	slot := p.slot(scope)
	var errs []error
	for next := 0; next < len(items); {
		var s storing
		for ; next < len(items) && len(s.entries) < 2*itemsAtOnce && s.size < bytesAtOnce; next++ {
			if err := p.add(&s, slot, &items[next]); err != nil {
				errs = append(errs, fmt.Errorf("rediscache: key %.64q: %w", items[next].Key, err))
			}
		}
		n, err := p.run(ctx, store, slices.Concat(s.generations, s.entries), s.args()...).Int()
		if err != nil {
			return stored, errors.Join(append(errs, fmt.Errorf("rediscache: store: %w", err))...)
		}
		stored += n
	}
	return stored, errors.Join(errs...)
}

// A storing is one call of the script store.
type storing struct {
	generations []string          // names of what the entries depend on
	numbers     []any             // what must be there
	index       map[[2]string]int // where a name and its number are in both, counted from 1
	entries     []string          // names of a value and a marker, for each entry
	items       []any             // what the script has to know of each
	size        int
}

func (s *storing) args() []any {
	return slices.Concat([]any{len(s.generations), longer.Milliseconds()}, s.numbers, s.items)
}

// add adds an item, without its entry where there is an error. One whose token is not of its key is a question that the
// server says no to, so that a server which is gone is an error, too.
func (p *Provider[V]) add(s *storing, slot string, item *cache.Item[V]) error {
	marker, numbers, generations := splitToken(item.Token, item.Key)
	name := slot + valueKey + item.Key
	var entry, indexes []byte
	var err error
	if marker != "" {
		entry, err = p.encode(name, generations, item.Entry)
	}
	n := 0
	for prefix := range cache.Prefixes(item.Key) {
		if n < len(numbers) {
			indexes = strconv.AppendInt(append(indexes, ','), int64(s.depend(slot+prefixKey+prefix, numbers[n])), 10)
		}
		n++
	}
	s.entries = append(s.entries, name, slot+markerKey+item.Key)
	s.items = append(s.items, marker, milliseconds(item.TTL), indexes, entry)
	s.size += len(entry)
	return err
}

// depend returns the index of a generation that must be a number.
func (s *storing) depend(name, number string) int {
	at, ok := s.index[[2]string{name, number}]
	if !ok {
		if s.index == nil {
			s.index = map[[2]string]int{}
		}
		s.generations, s.numbers = append(s.generations, name), append(s.numbers, number)
		at = len(s.generations)
		s.index[[2]string{name, number}] = at
	}
	return at
}

// encode makes the bytes of the entry under a name, none where it cannot be stored.
func (p *Provider[V]) encode(name string, generations []uint64, e cache.Entry[V]) ([]byte, error) {
	if e.Absent {
		return encodeEntry(name, generations, true, nil), nil
	}
	value, err := cache.Encode(p.codec, e.Value)
	if err != nil {
		return nil, err
	}
	if size := headerSize + 8*len(generations) + len(value); size > MaxEntry {
		return nil, fmt.Errorf("%w: %d bytes: want at most %d", ErrTooLarge, size, MaxEntry)
	}
	return encodeEntry(name, generations, false, value), nil
}
