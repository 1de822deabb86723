package rediscache

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
)

// DefaultPrefix is what the names of all keys on the server begin with where Options say nothing.
const DefaultPrefix = "slokeep:cache:"

// Bounds of what is given to a Provider.
const (
	MaxPrefix = 256      // bytes of Options.Prefix
	MaxEntry  = 64 << 20 // bytes of an entry, with its header of at most 51
)

// ErrTooLarge says that a value has more bytes than fit into [MaxEntry], so that it was not stored. It is matched with
// errors.Is.
var ErrTooLarge = errors.New("rediscache: entry too large")

// Options are those of a [Provider]. The zero value of each field is its default.
type Options[V any] struct {
	// Prefix is what the names of all keys on the server begin with: Providers with the same one share their entries, and
	// must have the same V and Codec for one scope. "": [DefaultPrefix]. At most [MaxPrefix] bytes, without { and }, which
	// tell a cluster where a key belongs.
	Prefix string

	// Codec makes bytes of values. nil: [cache.Bytes] where V is []byte, else [cache.JSON].
	Codec cache.Codec[V]
}

// Provider is a [cache.Provider] on a Redis server or cluster. It is [cache.Fenced] and [cache.Prefixed], safe for
// concurrent use, and has nothing to close. [New] makes one.
type Provider[V any] struct {
	client redis.UniversalClient
	prefix string
	codec  cache.Codec[V]
}

var (
	_ cache.Fenced[int] = (*Provider[int])(nil)
	_ cache.Prefixed    = (*Provider[int])(nil)
)

// New makes a Provider on a client of the host's, which stays the host's: nothing is set on it, and it is not closed. It
// may be unable to reach its server just now. nil opts are the defaults.
//
// cache.ErrInvalid: a nil client, a Prefix outside its bounds, and a client that is set to read what may be old: with a
// cache of its own, from replicas, or from whichever shard of a redis.Ring is up.
func New[V any](client redis.UniversalClient, opts *Options[V]) (*Provider[V], error) {
	if opts == nil {
		opts = &Options[V]{}
	}
	p := &Provider[V]{client: client, prefix: opts.Prefix, codec: opts.Codec}
	if p.prefix == "" {
		p.prefix = DefaultPrefix
	}
	if p.codec == nil {
		p.codec = cache.JSON[V]()
		if bytes, ok := cache.Bytes().(cache.Codec[V]); ok {
			p.codec = bytes
		}
	}
	if v := reflect.ValueOf(client); client == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, invalid("client nil", "one")
	}
	if len(p.prefix) > MaxPrefix || strings.ContainsAny(p.prefix, "{}") {
		return nil, invalid(fmt.Sprintf("Prefix %.64q", p.prefix), fmt.Sprintf("at most %d bytes without { and }", MaxPrefix))
	}
	if what := mayBeOld(client); what != "" {
		return nil, invalid("client that reads "+what, "one that asks the primary each time")
	}
	return p, nil
}

func invalid(what, want string) error {
	return fmt.Errorf("rediscache: %w: %s: want %s", cache.ErrInvalid, what, want)
}

// mayBeOld says from where a client reads that is set to read what may be old, as far as that can be seen.
func mayBeOld(client redis.UniversalClient) string {
	switch c := client.(type) {
	case *redis.Client:
		if o := c.Options(); o.ClientSideCache != nil || o.ClientSideCacheConfig != nil {
			return "from its own cache"
		}
	case *redis.ClusterClient:
		if o := c.Options(); o.ReadOnly || o.RouteByLatency || o.RouteRandomly {
			return "from replicas"
		}
	case *redis.Ring:
		return "from whichever shard is up" // one that comes back has not heard of what was invalidated at another meanwhile
	}
	return ""
}

// Get calls found for the keys that have an entry. It is one round trip.
func (p *Provider[V]) Get(ctx context.Context, scope string, keys []string, found func(int, cache.Entry[V])) error {
	return p.read(ctx, scope, keys, found, nil)
}

// GetFenced is Get that also calls missed for the others. It is one round trip, and another one where a token is missing.
func (p *Provider[V]) GetFenced(
	ctx context.Context, scope string, keys []string, found func(int, cache.Entry[V]), missed func(int, cache.Token),
) error {
	return p.read(ctx, scope, keys, found, missed)
}

// Delete removes what is under the keys, and lets nothing be stored that was loaded before. It is one round trip for each
// 500 keys.
func (p *Provider[V]) Delete(ctx context.Context, scope string, keys []string) error {
	slot := p.slot(scope)
	for len(keys) > 0 {
		n := min(len(keys), 500)
		names := make([]string, 0, 2*n)
		for _, key := range keys[:n] {
			names = append(names, slot+valueKey+key)
		}
		for _, key := range keys[:n] {
			names = append(names, slot+markerKey+key)
		}
		if err := p.run(ctx, invalidate, names, n).Err(); err != nil {
			return fmt.Errorf("rediscache: delete: %w", err)
		}
		keys = keys[n:]
	}
	return nil
}

// DeletePrefix is Delete for all keys of the scope that begin with prefix. It is one round trip, however many they are: what
// was stored under them counts no more, and goes when its TTL is over.
func (p *Provider[V]) DeletePrefix(ctx context.Context, scope, prefix string) error {
	if err := p.run(ctx, invalidate, []string{p.slot(scope) + prefixKey + prefix}, 0).Err(); err != nil {
		return fmt.Errorf("rediscache: delete prefix: %w", err)
	}
	return nil
}

// run runs a script. The server may have forgotten it; then it is told again.
func (p *Provider[V]) run(ctx context.Context, script *redis.Script, names []string, args ...any) *redis.Cmd {
	if err := ctx.Err(); err != nil {
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(err)
		return cmd
	}
	return script.Run(ctx, p.client, names, args...)
}

// milliseconds returns a TTL in the grain of the server.
func milliseconds(ttl time.Duration) int64 { return max(ttl.Milliseconds(), 1) }
