package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/streak"
)

// Options are those of an Engine. The zero value of each is its default.
type Options struct {
	// Health is how the host answers how systems are at this moment. nil: nobody is asked.
	Health HealthFunc

	// Bus wakes the other processes of a shared store; see [entity.Options]. nil: the store, if it is an [entity.Bus], as the
	// one of storage/postgres is; else processes poll.
	Bus entity.Bus

	// Cache holds systems' histories for all processes that share the store, so that one need not read what another one has
	// read: cache/redis has a server do it. Several stores may use one: they are told apart by a record that New makes in each.
	// A question that needs it waits for as long as the Provider does, so its client should give up soon; when it could not be
	// read it is left alone for a second. nil: there is none.
	//
	// A database that comes back as it was before - restored, or failed over to a replica that had not heard of all - uses
	// versions again, for other facts: then the Engines are to be restarted, and what the cache holds is to be removed, or five
	// minutes to be waited.
	Cache cache.Provider[[]byte]

	// Clock says what time it is. nil: the time package. Leases, polls and pauses run on real time, whatever Clock says.
	Clock Clock

	// Logger hears of what went wrong where no caller is left to be told. nil: nobody hears.
	Logger *slog.Logger

	// Outcome says what a day does to a streak. nil: [streak.DefaultOutcome]. It must be the same in all processes.
	Outcome streak.OutcomeRule

	// Rules are the achievements that can be earned. nil: [streak.DefaultRules]. They must be the same in all processes.
	Rules []streak.Rule

	// KeepTimelines is how many bytes of timelines are kept in process. 0: 64 MB. Negative: none.
	KeepTimelines int

	// MaxStale is how old an answer may be that was computed without asking the store whether another process has written
	// something; what was written through this Engine, or announced by the Bus, is always seen. What is recorded or delivered
	// is never stale. 0: each question asks the store, in one round trip, and is exact whoever wrote.
	MaxStale time.Duration

	// Poll is how often a shared store is asked for what no Bus announced. 0: 1 s.
	Poll time.Duration

	// LeaseTTL is how long the leases of a process that died keep others from its work. They ask again each Poll and each
	// third of LeaseTTL, which comes on top until one takes it over. 0: 10 s.
	LeaseTTL time.Duration

	// KeepChanges is how long changes of entities are kept; see [entity.Options]. 0: 90 days. Negative: for ever.
	KeepChanges time.Duration
}

// Engine keeps service-level objectives on a store. It is safe for concurrent use; any number of Engines, in any number of
// processes, may share a store. New makes one.
type Engine struct {
	store     storage.Store
	histories storage.HistoryCache // the store, where it is one
	shared    *sharedCache         // nil: there is none
	health    HealthFunc
	bus       entity.Bus
	clock     Clock
	logger    *slog.Logger
	outcome   streak.OutcomeRule
	rules     []streak.Rule
	maxStale  time.Duration
	poll      time.Duration
	ttl       time.Duration
	holder    string
	registry  *entity.Registry
	slos      *entity.Handle[SLOState]
	trophies  *entity.Handle[SystemAchievements]
	digests   *entity.Handle[Digest]

	kept      *kept
	refresher refresher

	closed atomic.Bool
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup
}

const defaultKeep = 64 << 20

// New makes an Engine on a store, and starts the goroutine that refreshes entities after what was written. nil options
// are the defaults. ErrInvalid: a nil store, an option outside its bounds.
//
// The Engine's entities are delivered once the host has called Start of [Engine.Entities], for which it has time to define
// kinds of its own.
func New(store storage.Store, opts *Options) (*Engine, error) {
	if opts == nil {
		opts = &Options{}
	}
	if store == nil {
		return nil, invalid("store", "nil", "a Store")
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"MaxStale", opts.MaxStale}, {"Poll", opts.Poll}, {"LeaseTTL", opts.LeaseTTL}} {
		if d.value < 0 {
			return nil, invalid(d.name, d.value, "0 or more")
		}
	}
	e := &Engine{
		store: store, health: opts.Health, bus: opts.Bus, clock: opts.Clock, logger: opts.Logger,
		outcome: opts.Outcome, rules: slices.Clone(opts.Rules), maxStale: opts.MaxStale, poll: opts.Poll, ttl: opts.LeaseTTL, holder: rand.Text(),
	}
	if e.clock == nil {
		e.clock = wallClock{}
	}
	if e.logger == nil {
		e.logger = slog.New(slog.DiscardHandler)
	}
	if e.rules == nil {
		e.rules = streak.DefaultRules()
	}
	if e.poll == 0 {
		e.poll = time.Second
	}
	if e.ttl == 0 {
		e.ttl = 10 * time.Second
	}
	for _, rule := range e.rules {
		if err := rule.Validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	if bus, ok := store.(entity.Bus); ok && e.bus == nil {
		e.bus = bus
	}
	e.histories, _ = store.(storage.HistoryCache)
	shared, err := newSharedCache(opts.Cache, e.failed)
	if err != nil {
		return nil, err
	}
	e.shared = shared
	bytes := opts.KeepTimelines
	if bytes == 0 {
		bytes = defaultKeep
	}
	e.kept = newKept(max(bytes, 0))
	e.ctx, e.cancel = context.WithCancel(context.Background())
	registry, err := entity.NewRegistry(&entity.Options{
		Log: store, Bus: e.bus, Clock: e.clock, Keep: opts.KeepChanges, Poll: opts.Poll, LeaseTTL: opts.LeaseTTL,
		OnError: func(err error) { e.failed("entities", err) },
	})
	if err != nil {
		return nil, err
	}
	e.registry = registry
	if err := e.define(); err != nil {
		return nil, err
	}
	if e.shared != nil {
		e.work.Go(e.runShared)
	}
	e.refresher.start(e)
	return e, nil
}

// Entities returns the registry of the Engine's entities, on the same store: for watches, subscriptions, and the host's own
// kinds in the same transactions. Nothing is delivered until its Start. Close closes it.
func (e *Engine) Entities() *entity.Registry { return e.registry }

// SLOs returns the kind "slo": an entity for each objective, by its ID. Its changes, and the watches of it, see the states
// at its refreshes, each of which follows the commit of facts and may be of several: what goes down and comes up again in
// between is none of them, though it counts in every answer and every day. What a refresh finds has the refresh's instant,
// what time alone does its very microsecond.
func (e *Engine) SLOs() *entity.Handle[SLOState] { return e.slos }

// Close ends what New started, and closes the registry of entities. Calls that come later get ErrClosed. It waits for a call
// of Options.Cache or of the Bus that is under way, and closes none of them, nor the store. Closing twice is closing once.
func (e *Engine) Close() error {
	e.closed.Store(true)
	e.cancel()
	e.work.Wait()
	return e.registry.Close()
}

func (e *Engine) check() error {
	if e.closed.Load() {
		return ErrClosed
	}
	return nil
}

func (e *Engine) now() time.Time { return instant(e.clock.Now()) }

// bump counts versions. Once that is committed, nothing that is kept is taken for fresh, and systems leave the shared cache.
func (e *Engine) bump(ctx context.Context, keys ...storage.VersionKey) ([]int64, error) {
	versions, err := e.store.Bump(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("engine: count versions: %w", err)
	}
	if e.maxStale > 0 {
		e.store.AfterCommit(ctx, func(context.Context) { e.kept.heard() })
	}
	if e.shared != nil {
		e.store.AfterCommit(ctx, func(context.Context) { e.shared.invalidate(keys) })
	}
	return versions, nil
}

// failed logs an error that no caller hears of.
func (e *Engine) failed(doing string, err error) {
	if err != nil && e.ctx.Err() == nil {
		args := []any{"error", err}
		if panicked, ok := errors.AsType[*entity.PanicError](err); ok {
			args = append(args, "stack", string(panicked.Stack))
		}
		e.logger.Error("slokeep: "+doing, args...)
	}
}
