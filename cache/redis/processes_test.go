package rediscache_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
	rediscache "github.com/slokeep/slokeep/cache/redis"
)

var rounds = flag.Int("rounds", 5000, "how often the writer of the test with two processes writes and invalidates")

// writerEnv has the plan of a process that is the writer.
const writerEnv = "SLOKEEP_CACHE_WRITER"

const (
	sharedKeys = 4
	writers    = 4 // goroutines, each with a key of its own to write
	readers    = 4
)

// plan is what both processes know. The database is where the truth is, and never fails: under "now" and a key is its
// version, under "told" and a key one whose invalidation had returned.
type plan struct {
	Cache, Database string // addresses
	Prefix          string
	Rounds          int
	Unfenced        bool
}

// outcome is what one process has seen.
type outcome struct {
	Reads, Hits, Loads, Refused, Repeated uint64
	Stale                                 []string // what was read that was older than it may be
}

// A party is one of the processes: what it has of the cache and of the database.
type party struct {
	plan
	scope    *cache.Scope[int64]
	database *redis.Client
	dwell    time.Duration // for how long a load takes, at most

	reads, repeated atomic.Uint64
	mu              sync.Mutex
	stale           []string
}

// unfenced is a Provider that hides that it could fence.
type unfenced[V any] struct {
	cache.Provider[V]
	cache.Prefixed
}

func newParty(pl plan, dwell time.Duration) (*party, error) {
	client := redis.NewClient(&redis.Options{Addr: pl.Cache, DialerRetries: 1, MaxRetries: 1, MaxRetryBackoff: time.Millisecond})
	fenced, err := rediscache.New(client, &rediscache.Options[int64]{Prefix: pl.Prefix})
	if err != nil {
		return nil, err
	}
	var provider cache.Provider[int64] = fenced
	if pl.Unfenced {
		provider = unfenced[int64]{fenced, fenced}
	}
	scope, err := cache.NewScope(provider, "rounds:", nil)
	if err != nil {
		return nil, err
	}
	return &party{plan: pl, scope: scope, database: redis.NewClient(&redis.Options{Addr: pl.Database}), dwell: dwell}, nil
}

func keyOf(i int) string { return fmt.Sprintf("shared:%d", i) }

// load reads the truth, and takes its time before it says so.
func (p *party) load(ctx context.Context, key string) (int64, error) {
	v, err := p.database.Get(ctx, "now:"+key).Int64()
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	if p.dwell > 0 && rand.IntN(2) == 0 {
		time.Sleep(rand.N(p.dwell))
	}
	return v, err
}

func (p *party) loadMany(ctx context.Context, keys []string, found func(string, int64)) error {
	for _, key := range keys {
		v, err := p.load(ctx, key)
		if err != nil {
			return err
		}
		found(key, v)
	}
	return nil
}

// told returns the newest version whose invalidation has returned.
func (p *party) told(ctx context.Context, key string) (int64, error) {
	v, err := p.database.Get(ctx, "told:"+key).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return v, err
}

func (p *party) check(how, key string, got, least int64) {
	p.reads.Add(1)
	if got < least {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stale = append(p.stale, fmt.Sprintf("%s of %s gave version %d after the invalidation of %d", how, key, got, least))
	}
}

// read reads some key.
func (p *party) read(ctx context.Context) error {
	key := keyOf(rand.IntN(sharedKeys))
	least, err := p.told(ctx, key)
	if err != nil {
		return err
	}
	v, err := p.scope.Get(ctx, key, p.load)
	p.check("Get", key, v, least)
	return err
}

// readAll reads all keys as a batch.
func (p *party) readAll(ctx context.Context) error {
	var keys []string
	least := map[string]int64{}
	for i := range sharedKeys {
		key := keyOf(i)
		v, err := p.told(ctx, key)
		if err != nil {
			return err
		}
		keys, least[key] = append(keys, key), v
	}
	return p.scope.GetMany(ctx, keys, p.loadMany, func(key string, v int64) { p.check("GetMany", key, v, least[key]) })
}

// write writes one key so many times, invalidates it each time, and looks.
func (p *party) write(ctx context.Context, key string, times int) error {
	for i := range times {
		v, err := p.database.Incr(ctx, "now:"+key).Result()
		if err != nil {
			return err
		}
		invalidate := func() error { return p.scope.Invalidate(ctx, key) }
		if i%5 == 4 {
			invalidate = func() error { return p.scope.InvalidatePrefix(ctx, "shared:") }
		}
		for invalidate() != nil {
			p.repeated.Add(1)
		}
		if err := p.database.Set(ctx, "told:"+key, v, 0).Err(); err != nil {
			return err
		}
		if err := p.database.Incr(ctx, "rounds").Err(); err != nil {
			return err
		}
		if i%3 == 0 {
			got, err := p.scope.Get(ctx, key, p.load)
			if err != nil {
				return err
			}
			p.check("the writer's Get", key, got, v)
		}
		time.Sleep(rand.N(2 * time.Millisecond)) // so that something is kept long enough to be given
	}
	return nil
}

func (p *party) outcome() outcome {
	p.mu.Lock()
	defer p.mu.Unlock()
	stats := p.scope.Stats()
	return outcome{
		Reads: p.reads.Load(), Hits: stats.Hits, Loads: stats.Loads, Refused: stats.Stale, Repeated: p.repeated.Load(), Stale: p.stale,
	}
}

// runWriter is the other process. Its outcome goes to standard output.
func runWriter(text string) int {
	err := func() error {
		var pl plan
		if err := json.Unmarshal([]byte(text), &pl); err != nil {
			return err
		}
		p, err := newParty(pl, 0)
		if err != nil {
			return err
		}
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() { errs[w] = p.write(context.Background(), keyOf(w), pl.Rounds/writers) })
		}
		wg.Wait()
		return errors.Join(append(errs, json.NewEncoder(os.Stdout).Encode(p.outcome()))...)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestTwoProcessesOnOneRedisReadNothingStale(t *testing.T) {
	server, database := startPrivate(t), startPrivate(t)
	pl := plan{Cache: server.addr(), Database: database.addr(), Prefix: "two:", Rounds: *rounds}
	began := time.Now()
	read, written := play(t, pl, func(p *party, done func() int) {
		await(t, "a third of the rounds", func() bool { return done() > pl.Rounds/3 })
		before := p.reads.Load()
		server.stop()
		await(t, "reads without a server", func() bool { return p.reads.Load() > before+50 })
		server.start(t)
		await(t, "two thirds of the rounds", func() bool { return done() > 2*pl.Rounds/3 })
		must(t, connect(t, server.addr()).FlushAll(t.Context()).Err())
	})
	t.Logf("%d rounds in %v: the reader %s; the writer %s", pl.Rounds, time.Since(began).Round(time.Millisecond), read, written)
	for _, o := range []outcome{read, written} {
		if len(o.Stale) > 0 {
			t.Errorf("%d stale reads, the first: %s", len(o.Stale), o.Stale[0])
		}
	}
	if read.Hits == 0 || read.Refused == 0 || written.Repeated == 0 {
		t.Error("no hits, no load that an invalidation made old, or no invalidation that failed: this has shown nothing")
	}
	if stats := names(t, connect(t, server.addr()), pl.Prefix); len(stats) > 2*sharedKeys+2 {
		t.Errorf("%d keys are left on the server: %q", len(stats), stats)
	}
}

// What the test above looks for is there to be found.
func TestTwoProcessesReadWhatIsStaleWithoutTokens(t *testing.T) {
	pl := plan{Cache: startPrivate(t).addr(), Database: startPrivate(t).addr(), Prefix: "two:", Rounds: 400, Unfenced: true}
	read, written := play(t, pl, func(*party, func() int) {})
	if len(read.Stale)+len(written.Stale) == 0 {
		t.Errorf("nothing stale: the reader %s; the writer %s", read, written)
	}
}

func (o outcome) String() string {
	return fmt.Sprintf("read %d times, with %d hits, %d loads, %d values refused as old, repeated %d invalidations, saw %d stale reads",
		o.Reads, o.Hits, o.Loads, o.Refused, o.Repeated, len(o.Stale))
}

// play runs the writer in another process and readers in this one, and disturbs them. done says how many rounds there were.
func play(t *testing.T, pl plan, disturb func(p *party, done func() int)) (read, written outcome) {
	t.Helper()
	p, err := newParty(pl, 2*time.Millisecond)
	must(t, err)
	text, err := json.Marshal(pl)
	must(t, err)
	var stdout, stderr bytes.Buffer
	writer := exec.CommandContext(t.Context(), os.Args[0])
	writer.Env = append(os.Environ(), writerEnv+"="+string(text))
	writer.Stdout, writer.Stderr = &stdout, &stderr
	must(t, writer.Start())
	over := make(chan error, 1)
	go func() { over <- writer.Wait() }()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	errs := make([]error, readers)
	var wg sync.WaitGroup
	for r := range readers {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil && errs[r] == nil; i++ {
				if i%4 == r%4 {
					errs[r] = p.readAll(context.Background())
				} else {
					errs[r] = p.read(context.Background())
				}
			}
		})
	}
	disturb(p, func() int {
		n, err := p.database.Get(ctx, "rounds").Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatal(err)
		}
		select {
		case err := <-over:
			over <- err
			return pl.Rounds + 1
		default:
			return n
		}
	})
	err = <-over
	stop()
	wg.Wait()
	if err := errors.Join(slices.Concat(errs, []error{err})...); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	must(t, json.Unmarshal(stdout.Bytes(), &written))
	return p.outcome(), written
}

// await waits until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.After(10 * time.Minute); !is(); time.Sleep(time.Millisecond) {
		select {
		case <-limit:
			t.Fatalf("%s: not within 10 minutes", what)
		default:
		}
	}
}
