package main

import (
	"context"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/slokeep/slokeep/cache"
)

// counts are what no answer shows: without Redis and NATS all would be right, and slow.
type counts struct {
	hits  int64 // histories that were found in Redis
	wakes int64 // messages that came from NATS
}

// counter is a cache that counts what is found in it. It can do what the one that is in it can.
type counter struct {
	fencedPrefixed
	hits atomic.Int64
	conn *nats.Conn // which has nothing on it but wakes, and counts them itself
}

type fencedPrefixed interface {
	cache.Fenced[[]byte]
	cache.Prefixed
}

var _ fencedPrefixed = (*counter)(nil)

func (c *counter) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[[]byte])) error {
	return c.fencedPrefixed.Get(ctx, scope, keys, c.hit(found))
}

func (c *counter) GetFenced(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[[]byte]), missed func(int, cache.Token)) error {
	return c.fencedPrefixed.GetFenced(ctx, scope, keys, c.hit(found), missed)
}

func (c *counter) hit(found func(int, cache.Entry[[]byte])) func(int, cache.Entry[[]byte]) {
	return func(i int, e cache.Entry[[]byte]) {
		c.hits.Add(1)
		found(i, e)
	}
}

func (c *counter) counts() counts {
	return counts{hits: c.hits.Load(), wakes: int64(c.conn.Stats().InMsgs)}
}
