package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/slokeep/slokeep/cache"
	rediscache "github.com/slokeep/slokeep/cache/redis"
	"github.com/slokeep/slokeep/internal/lincheck"
)

// Server is what processes share that keeps what they have read.
type Server struct {
	Addr, Prefix string
	Fault        string // of what makes a cache of it
}

// Faults of those who share a server.
const (
	unfenced   = "it has no tokens"
	countsNone = "a delete lets the token be"
)

// needRedis returns the address of a server, and skips a test on a machine without one, unless SLOKEEP_REQUIRE_SERVERS says
// that there must be one.
func needRedis(t testing.TB) string {
	t.Helper()
	addr := os.Getenv("SLOKEEP_REDIS_ADDR")
	if addr == "" {
		addr = "127.0.0.1:6379"
	}
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = client.Close() }()
	if err := client.Ping(t.Context()).Err(); err != nil {
		if os.Getenv("SLOKEEP_REQUIRE_SERVERS") != "" {
			t.Fatalf("no Redis: %v", err)
		}
		t.Skip("no Redis at SLOKEEP_REDIS_ADDR, or else 127.0.0.1:6379")
	}
	return addr
}

// onTwoProcesses starts another process, and returns what has both of them use a Redis in a round. What they leave there is
// removed after each.
func onTwoProcesses(t testing.TB, fault string) func(seed uint64) (Report, error) {
	addr := needRedis(t)
	other := newPartner(t)
	rounds := 0
	return func(seed uint64) (Report, error) {
		rounds++
		plan := Plan{Seed: seed, Server: Server{
			Addr: addr, Prefix: fmt.Sprintf("slokeep:lincheck:%d:%d:", os.Getpid(), rounds), Fault: fault,
		}}
		truth := newBook()
		wait := other.begin(truth, plan)
		mine := playPart(plan, truth, 0)
		theirs, err := wait()
		mine.Touches = append(mine.Touches, theirs.Touches...)
		mine.Errors = append(mine.Errors, theirs.Errors...)
		mine.Seen.add(theirs.Seen)
		client := redis.NewClient(&redis.Options{Addr: addr})
		errDel := client.Del(context.Background(), plan.names(newParty(seed, truth).keys)...).Err()
		return mine, errors.Join(err, errDel, client.Close())
	}
}

const things = "things:"

// names are those of all that is on the server for some keys.
func (s Server) names(keys []string) (names []string) {
	slot := s.Prefix + "{" + things + "}"
	prefixes := map[string]bool{}
	for _, key := range keys {
		names = append(names, slot+"v:"+key, slot+"m:"+key)
		for prefix := range cache.Prefixes(key) {
			if !prefixes[prefix] {
				prefixes[prefix] = true
				names = append(names, slot+"p:"+prefix)
			}
		}
	}
	return names
}

// playPart does the part of one process in a round, whose clients have numbers from first on.
func playPart(plan Plan, l ledger, first int) Report {
	p := newParty(plan.Seed, l)
	client := redis.NewClient(&redis.Options{Addr: plan.Addr})
	defer func() { _ = client.Close() }()
	names := plan.names(p.keys)
	p.forget = func() error {
		some, all := []string{"none"}, rand.IntN(3) == 0
		for _, name := range names {
			if all || rand.IntN(3) == 0 {
				some = append(some, name)
			}
		}
		n, err := client.Del(context.Background(), some...).Result()
		p.count(Seen{Forgot: n})
		return err
	}
	for range 2 { // each of them as far from the other as from those of another process
		s, err := openScope(plan, client, p)
		if err != nil {
			p.wrong(err)
			return p.report()
		}
		p.scopes = append(p.scopes, s)
	}
	p.play(plan.Seed, first, 4, 40)
	return p.report()
}

// openScope makes a scope on the server, at the end of a line of its own.
func openScope(plan Plan, client *redis.Client, p *party) (*cache.Scope[lincheck.Stored], error) {
	provider, err := rediscache.New(client, &rediscache.Options[lincheck.Stored]{Prefix: plan.Prefix})
	if err != nil {
		return nil, err
	}
	line := lineOf(plan.Seed)
	switch plan.Fault {
	case unfenced:
		return cache.NewScope(shaky{provider, line}, things, p.optionsOf(plan.Seed))
	case countsNone:
		lets := letsTokenBe{provider, client, plan}
		return cache.NewScope(shakyFenced{shaky{lets, line}, lets}, things, p.optionsOf(plan.Seed))
	}
	return cache.NewScope(shakyFenced{shaky{provider, line}, provider}, things, p.optionsOf(plan.Seed))
}

// letsTokenBe is a Provider whose Delete removes what is kept, and nothing else.
type letsTokenBe struct {
	*rediscache.Provider[lincheck.Stored]
	client *redis.Client
	plan   Plan
}

func (p letsTokenBe) Delete(ctx context.Context, _ string, keys []string) error {
	for _, key := range keys {
		if err := p.client.Del(ctx, p.plan.names([]string{key})[0]).Err(); err != nil {
			return err
		}
	}
	return nil
}
