package rediscache

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/slokeep/slokeep/cache"
)

// A batch is some keys of a scope, and what is on the server for them.
type batch struct {
	keys        []string
	names       []string // of the values, of the markers, of the distinct generations
	texts       []string // what is under each name; "": nothing
	generations [][]int  // where in names those of each key are
}

func newBatch(slot string, keys []string) *batch {
	b := &batch{keys: keys, names: make([]string, 0, 2*len(keys)+cache.MaxSeparators), generations: make([][]int, len(keys))}
	for _, key := range keys {
		b.names = append(b.names, slot+valueKey+key)
	}
	for _, key := range keys {
		b.names = append(b.names, slot+markerKey+key)
	}
	var known map[string]int
	if len(keys) > 1 { // the prefixes of one key are different
		known = map[string]int{}
	}
	for i, key := range keys {
		b.generations[i] = make([]int, 0, 1+strings.Count(key, cache.Separator))
		for prefix := range cache.Prefixes(key) {
			at, ok := known[prefix]
			if !ok {
				at = len(b.names)
				b.names = append(b.names, slot+prefixKey+prefix)
				if known != nil {
					known[prefix] = at
				}
			}
			b.generations[i] = append(b.generations[i], at)
		}
	}
	b.texts = make([]string, len(b.names))
	return b
}

// numbers returns where in names the numbers are that make the token of key i.
func (b *batch) numbers(i int) []int { return append([]int{len(b.keys) + i}, b.generations[i]...) }

// read calls found for the keys that have an entry, and missed, unless it is nil, for the others.
func (p *Provider[V]) read(
	ctx context.Context, scope string, keys []string, found func(int, cache.Entry[V]), missed func(int, cache.Token),
) error {
	if len(keys) == 0 {
		return nil
	}
	b := newBatch(p.slot(scope), keys)
	if err := p.fetch(ctx, b); err != nil {
		return fmt.Errorf("rediscache: read: %w", err)
	}
	var misses []int
	var unreadable []error
	for i := range keys {
		e, there, err := p.entry(b, i)
		if err != nil {
			unreadable = append(unreadable, fmt.Errorf("rediscache: key %.64q: %w", keys[i], err))
		}
		if there {
			found(i, e)
		} else {
			misses = append(misses, i)
		}
	}
	if missed != nil && len(misses) > 0 {
		if err := p.makeTokens(ctx, b, misses); err != nil {
			return fmt.Errorf("rediscache: make tokens: %w", err)
		}
		for _, i := range misses {
			missed(i, b.token(i))
		}
	}
	if len(unreadable) > 1 {
		return fmt.Errorf("%w (%d in all)", unreadable[0], len(unreadable))
	}
	if len(unreadable) > 0 {
		return unreadable[0]
	}
	return nil
}

// namesAtOnce is how many names one MGET has. It is no pipeline, since go-redis sends none with an MGET to a cluster.
const namesAtOnce = 20_000

// fetch reads what is under the names. Of the numbers only those count that are some.
func (p *Provider[V]) fetch(ctx context.Context, b *batch) error {
	for from := 0; from < len(b.names); from += namesAtOnce {
		if err := ctx.Err(); err != nil {
			return err
		}
		names := b.names[from:min(from+namesAtOnce, len(b.names))]
		values, err := p.client.MGet(ctx, names...).Result()
		if err != nil {
			return err
		}
		if len(values) != len(names) {
			return fmt.Errorf("%d answers for %d keys", len(values), len(names))
		}
		for i, v := range values {
			text, _ := v.(string)
			if at := from + i; at < len(b.keys) || isNumber(text) {
				b.texts[at] = text
			}
		}
	}
	return nil
}

// entry returns the entry of key i, if there is one that counts. An error says that what is there cannot be read.
func (p *Provider[V]) entry(b *batch, i int) (e cache.Entry[V], there bool, err error) {
	if b.texts[i] == "" {
		return e, false, nil
	}
	generations, absent, value, err := decodeEntry(b.names[i], []byte(b.texts[i]))
	if err != nil {
		return e, false, fmt.Errorf("%w: %w", cache.ErrUnreadable, err)
	}
	if len(generations) != 8*len(b.generations[i]) {
		return e, false, fmt.Errorf("%w: of another key", cache.ErrUnreadable)
	}
	for n, at := range b.generations[i] {
		if b.texts[at] == "" || number(b.texts[at]) != binary.BigEndian.Uint64(generations[8*n:]) {
			return e, false, nil
		}
	}
	if absent {
		return cache.Entry[V]{Absent: true}, true, nil
	}
	e.Value, err = cache.Decode(p.codec, value)
	return e, err == nil, err
}

// makeTokens makes what is missing of the tokens of some keys.
func (p *Provider[V]) makeTokens(ctx context.Context, b *batch, keys []int) error {
	var missing []int
	made := map[int]bool{}
	for _, i := range keys {
		for _, at := range b.numbers(i) {
			if b.texts[at] == "" && !made[at] {
				made[at] = true
				missing = append(missing, at)
			}
		}
	}
	for part := range slices.Chunk(missing, 1000) {
		names, args := make([]string, len(part)), make([]any, 1+len(part))
		args[0] = madeFor.Milliseconds()
		for i, at := range part {
			names[i], args[1+i] = b.names[at], random()
		}
		numbers, err := p.run(ctx, makeNumbers, names, args...).StringSlice()
		if err != nil {
			return err
		}
		if len(numbers) != len(part) {
			return fmt.Errorf("%d answers for %d keys", len(numbers), len(part))
		}
		for i, at := range part {
			b.texts[at] = numbers[i]
		}
	}
	return nil
}
