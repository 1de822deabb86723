package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/storage/postgres"
)

// servers are PostgreSQL, Redis and NATS, and the proxies that stand between them and the processes.
type servers struct {
	name  string // of the schema, the prefix, the subject and the connections that are this run's own
	pool  *pgxpool.Pool
	store *postgres.Store
	redis *redis.Client

	toPostgres, toRedis, toNATS *proxy
}

// connect makes what is this run's own. Its errors are the user's: a server does not answer, or refuses.
func connect(ctx context.Context, o options) (*servers, error) {
	s := &servers{name: "cluster_" + strings.ToLower(rand.Text()[:12])}
	if err := s.open(ctx, o); err != nil {
		_ = s.close() // which has nothing new to say
		return nil, err
	}
	return s, nil
}

func (s *servers) open(ctx context.Context, o options) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	config, err := pgxpool.ParseConfig(o.postgres)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if s.store, err = postgres.Open(ctx, s.pool, &postgres.Options{Schema: s.name}); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	if _, err := s.pool.Exec(ctx, handledTable(s.name)); err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	network, address := pgconn.NetworkAddress(config.ConnConfig.Host, config.ConnConfig.Port)
	if s.toPostgres, err = newProxy(network, address); err != nil {
		return err
	}

	s.redis = redis.NewClient(&redis.Options{Addr: o.redis})
	if err := s.redis.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("connect to Redis: %w", err)
	}
	if s.toRedis, err = newProxy("tcp", o.redis); err != nil {
		return err
	}

	conn, err := nats.Connect(o.nats)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	defer conn.Close()
	s.toNATS, err = newProxy("tcp", conn.ConnectedAddr())
	return err
}

// natsAt is a URL with another address, and the user and password that it has. A list has those of its first.
func natsAt(where, address string) string {
	first, _, _ := strings.Cut(where, ",")
	u, err := url.Parse(first)
	if err != nil || u.Host == "" { // as localhost:4222 has none
		return "nats://" + address
	}
	u.Host = address
	return u.String()
}

// close deletes all that is this run's own, and ends the connections.
func (s *servers) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	for _, p := range []*proxy{s.toPostgres, s.toRedis, s.toNATS} {
		if p != nil {
			p.close()
		}
	}
	if s.pool != nil {
		_, err := s.pool.Exec(ctx, `DROP SCHEMA IF EXISTS `+pgx.Identifier{s.name}.Sanitize()+` CASCADE`)
		errs = append(errs, err)
		s.pool.Close()
	}
	if s.redis != nil {
		_, err := s.flush(ctx)
		errs = append(errs, err, s.redis.Close())
	}
	return errors.Join(errs...)
}

// flush deletes what the processes have in Redis.
func (s *servers) flush(ctx context.Context) (n int, err error) {
	keys := s.redis.Scan(ctx, 0, s.name+":*", 1000).Iterator()
	for keys.Next(ctx) {
		deleted, err := s.redis.Unlink(ctx, keys.Val()).Result()
		if err != nil {
			return n, err
		}
		n += int(deleted)
	}
	return n, keys.Err()
}

// endBackends has PostgreSQL end about half of the processes' connections.
func (s *servers) endBackends(ctx context.Context) (n int, err error) {
	row := s.pool.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1 AND random() < 0.5`, s.name)
	err = row.Scan(&n)
	return n, err
}
