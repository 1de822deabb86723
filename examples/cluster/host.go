package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	rediscache "github.com/slokeep/slokeep/cache/redis"
	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/natsbus"
	"github.com/slokeep/slokeep/entity/simclock"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/postgres"
	"github.com/slokeep/slokeep/streak"
)

// open makes what a process is: an Engine on the three servers, and a member of the group that handles what changes.
func open(ctx context.Context, o order) (w *worker, err error) {
	var ends []func()
	end := func() {
		for len(ends) > 0 {
			ends[len(ends)-1]()
			ends = ends[:len(ends)-1]
		}
	}
	defer func() {
		if err != nil {
			end()
		}
	}()
	pool, err := openPool(ctx, o)
	if err != nil {
		return nil, err
	}
	ends = append(ends, pool.Close)
	store, err := postgres.Open(ctx, pool, &postgres.Options{Schema: o.Name})
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(o.NATS, nats.Name(o.Name), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(50*time.Millisecond), nats.IgnoreDiscoveredServers(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		return nil, err
	}
	ends = append(ends, conn.Close)
	bus, err := natsbus.New(conn, o.Name)
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{
		Addr: o.Redis, ClientName: o.Name, MaxRetries: 1,
		DialTimeout: 300 * time.Millisecond, ReadTimeout: 300 * time.Millisecond, // what takes longer the store can do
	})
	ends = append(ends, func() { _ = client.Close() })
	shared, err := rediscache.New(client, &rediscache.Options[[]byte]{Prefix: o.Name + ":"})
	if err != nil {
		return nil, err
	}
	c := &counter{fencedPrefixed: shared, conn: conn}
	opts := &engine.Options{
		Bus: bus, Cache: c, Clock: simclock.New(o.Now), Logger: slog.New(complaints{o.Process, ctx}), MaxStale: o.MaxStale,
		Poll: 200 * time.Millisecond, LeaseTTL: time.Second, // who is killed is missed soon; in earnest the defaults will do
	}
	e, err := engine.New(store, opts)
	if err != nil {
		return nil, err
	}
	ends = append(ends, func() { _ = e.Close() })
	h := &handler{pool: pool, table: table(o.Name)}
	return &worker{Engine: e, clock: opts.Clock.(*simclock.Clock), counts: c.counts, close: end}, h.join(ctx, e)
}

// openPool makes the connections to PostgreSQL, all of them through the proxy.
func openPool(ctx context.Context, o order) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(o.Postgres)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 8
	config.ConnConfig.RuntimeParams["application_name"] = o.Name
	config.ConnConfig.Host, config.ConnConfig.Port = "127.0.0.1", o.Port
	for _, f := range config.ConnConfig.Fallbacks {
		f.Host, f.Port = "127.0.0.1", o.Port
	}
	return pgxpool.NewWithConfig(ctx, config)
}

func table(name string) string { return pgx.Identifier{name, "handled"}.Sanitize() }

// handledTable makes the table in which the host writes down what it has handled.
func handledTable(name string) string {
	return `CREATE TABLE ` + table(name) + ` (
		kind    text   NOT NULL,
		id      text   NOT NULL,
		version bigint NOT NULL,
		prev    text   NOT NULL, -- JSON
		next    text   NOT NULL,
		n       bigserial,       -- the order in which they were handled
		times   bigint NOT NULL DEFAULT 1,
		other   boolean NOT NULL DEFAULT false, -- it was not the same each time
		PRIMARY KEY (kind, id, version)
	)`
}

// handler handles what changes, by writing it down.
type handler struct {
	pool  *pgxpool.Pool
	table string
}

const (
	kindState       = "state"
	kindDigest      = "digest"
	kindAchievement = "achievement"
)

func (h *handler) join(ctx context.Context, e *engine.Engine) error {
	opts := &entity.SubscribeOptions{Group: "work", From: entity.Oldest, Parallel: 4, Attempts: 100, Backoff: 20 * time.Millisecond}
	_, states := e.SLOs().OnChange(func(ctx context.Context, c entity.Typed[engine.SLOState]) error {
		return h.handle(ctx, kindState, c.ID, c.Version, c.Prev, c.Next)
	}, opts)
	_, digests := e.OnDigest(func(ctx context.Context, d engine.Digest) error {
		return h.handle(ctx, kindDigest, d.Week, 1, nil, d)
	}, opts)
	_, achievements := e.OnAchievement(func(ctx context.Context, a streak.Achievement) error {
		return h.handle(ctx, kindAchievement, a.SystemID+" "+string(a.Type), 1, nil, a)
	}, opts)
	return errors.Join(states, digests, achievements, e.Entities().Start(ctx))
}

// handle may be called twice with one change, when a process dies between the row and the note that it was handled.
func (h *handler) handle(ctx context.Context, kind, id string, version int64, prev, next any) error {
	before, err := json.Marshal(prev)
	if err != nil {
		return err
	}
	after, err := json.Marshal(next)
	if err != nil {
		return err
	}
	_, err = h.pool.Exec(ctx, `INSERT INTO `+h.table+` AS h (kind, id, version, prev, next) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (kind, id, version) DO UPDATE SET times = h.times + 1, other = h.other OR h.prev <> excluded.prev OR h.next <> excluded.next`,
		kind, id, version, string(before), string(after))
	return err
}
