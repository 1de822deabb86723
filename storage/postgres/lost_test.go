package postgres_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/slokeep/slokeep/storage/postgres"
)

var cuts = flag.Int("cuts", 20, "of all cuts of connections, one of how many is made; 1: each")

// lossy is a store behind a proxy, on a pool of one connection, and beside it a pool that is not.
type lossy struct {
	*proxy
	name   string // of the connections
	schema string
	store  *postgres.Store
	beside *pgxpool.Pool
	plain  *postgres.Store
}

func newLossy(t *testing.T, schema, door string) *lossy {
	t.Helper()
	l := &lossy{proxy: newProxy(t), name: schema + " " + door, schema: schema, beside: newPool(t, hasty)}
	l.plain = open(t, l.beside, schema)
	through := func(c *pgx.ConnConfig) {
		c.Host, c.Port, c.RuntimeParams["application_name"] = l.host, l.port, l.name
		c.RuntimeParams["synchronous_commit"] = "off"
	}
	if door == "pgx" {
		l.store = open(t, newPool(t, func(c *pgxpool.Config) {
			through(c.ConnConfig)
			c.MaxConns = 1
		}), schema)
		return l
	}
	config, err := pgx.ParseConfig(dsn())
	if err != nil {
		t.Fatal(err)
	}
	through(config)
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	l.store = openDB(t, db, schema).Store
	return l
}

// settled waits until the server has noticed the end of what was cut.
func (l *lossy) settled(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		list, _ := l.beside.Query(t.Context(), `SELECT state || ': ' || query FROM pg_stat_activity WHERE application_name = $1`, l.name)
		left, err := pgx.CollectRows(list, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there are still the connections %q", left)
		}
	}
}

// ways are how a use is made: with nothing prepared on a new connection, or with everything.
var ways = []struct {
	name string
	warm bool
	make func(u use, l *lossy) func(ctx context.Context) error
}{
	{"alone on a new connection", false, alone},
	{"alone", true, alone},
	{"in a transaction", true, inside},
	{"in a transaction on a new connection", false, inside},
}

func alone(u use, l *lossy) func(context.Context) error {
	if u.inside {
		return nil
	}
	return func(ctx context.Context) error { return u.call(ctx, l.store) }
}

func inside(u use, l *lossy) func(context.Context) error {
	return func(ctx context.Context) error { return during(ctx, l.store, l.schema, u) }
}

// Whatever is under way when a connection is lost has happened as a whole or not at all; who is told that nothing has
// happened can rely on it, and what comes next works.
func TestConnectionLostInTheMiddle(t *testing.T) {
	t.Parallel()
	every := *cuts
	for _, door := range []string{"pgx", "database/sql"} {
		begun := time.Now()
		schema := newSchema(t)
		l := newLossy(t, schema, door)
		notes(t, l.beside, schema)
		rng := rand.New(rand.NewPCG(1, 2))
		made, all := 0, 0
		for i, u := range uses() {
			for j, way := range ways {
				do := way.make(u, l)
				if do == nil || every > 1 && (i+j)%len(ways) != rng.IntN(2) || testing.Short() && rng.IntN(6) > 0 {
					continue
				}
				c := &lossyUse{lossy: l, use: u, what: door + ": " + u.name + " " + way.name, do: do, warm: way.warm}
				messages := c.whole(t)
				for n, kind := range messages {
					for _, answered := range []bool{false, true} {
						if answered && kind != 'S' {
							continue
						}
						all++
						if rng.IntN(max(1, every/2)) == 0 || answered && n == len(messages)-1 { // the latter may have committed
							made++
							c.cut(t, n, answered)
						}
					}
				}
				if t.Failed() {
					return
				}
			}
		}
		t.Logf("%s: %d of %d cuts in %v", door, made, all, time.Since(begun))
	}
}

// lossyUse is a use on a connection that is cut.
type lossyUse struct {
	*lossy
	use
	what          string
	do            func(context.Context) error
	warm          bool
	before, after string // the rows
}

// whole makes the use without a cut, and returns the types of the messages that it sends.
func (c *lossyUse) whole(t *testing.T) string {
	t.Helper()
	furnish(t, c.beside, c.plain, c.schema)
	c.before = rows(t, c.beside, c.schema)
	c.begin(t)
	c.cutAt(1e6, false)
	err := c.do(t.Context())
	messages := c.since().messages
	if err != nil {
		t.Fatalf("%s: %v", c.what, err)
	}
	c.after = rows(t, c.beside, c.schema)
	c.restore(t)
	return messages
}

// begin makes a new connection, and where the use is to be warm prepares all that it needs.
func (c *lossyUse) begin(t *testing.T) {
	t.Helper()
	c.cutAll()
	c.settled(t)
	ctx := t.Context()
	_ = c.store.DropWatch(ctx, "none") // with what was cut
	err := c.store.InTx(ctx, func(ctx context.Context) error {
		err := note(ctx, c.store, c.schema, "undone")
		if c.warm {
			err = errors.Join(err, during(ctx, c.store, c.schema, c.use))
		}
		return cmp.Or(err, errBoom)
	})
	if err != errBoom {
		t.Fatalf("%s: before the cut: %v", c.what, err)
	}
}

// restore has the rows be as they were.
func (c *lossyUse) restore(t *testing.T) {
	t.Helper()
	if c.before != c.after {
		furnish(t, c.beside, c.plain, c.schema)
	}
}

// cut makes the use with a cut at a message.
func (c *lossyUse) cut(t *testing.T, n int, answered bool) {
	t.Helper()
	c.begin(t)
	c.cutAt(n, answered)
	begun := time.Now()
	err := c.do(t.Context())
	sent := c.since()
	where := fmt.Sprintf("%s, cut at %d of %q (answered: %t)", c.what, n, sent.messages, answered)
	if !sent.cut {
		t.Fatalf("%s: it was not cut: %v", where, err)
	}
	c.settled(t)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("%s: it took %v", where, took)
	}
	unavailable, inDoubt := errors.Is(err, postgres.ErrUnavailable), errors.Is(err, postgres.ErrInDoubt)
	if err == nil || unavailable == inDoubt {
		t.Errorf("%s: %v, want either ErrUnavailable or ErrInDoubt", where, err)
	}
	mayHave := sent.committed || sent.wrote && !sent.begun
	if inDoubt != mayHave && !(inDoubt && sent.sending()) { // who was still sending cannot know how much has got there
		t.Errorf("%s: %v, though it may have committed: %t", where, err, mayHave)
	}
	switch now := rows(t, c.beside, c.schema); {
	case now == c.before:
	case now == c.after && inDoubt:
		c.restore(t)
	default:
		t.Errorf("%s: %v; the rows are\n%s\nwere\n%s\nand would be\n%s", where, err, now, c.before, c.after)
	}
	if err := last(c.store.Heads(t.Context(), orders, nil)); err != nil {
		t.Errorf("%s: the next call: %v", where, err)
	}
}

// What was taken out of the pool before a server was restarted, or a backend was terminated, fails once. What lay in it
// for a while is found out before it is used.
func TestServerIsRestarted(t *testing.T) {
	for _, door := range []string{"pgx", "database/sql"} {
		for name, lose := range map[string]func(t *testing.T, l *lossy){
			"cut": func(_ *testing.T, l *lossy) { l.cutAll() },
			"terminated": func(t *testing.T, l *lossy) {
				const terminate = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1`
				if err := l.beside.QueryRow(t.Context(), terminate, l.name).Scan(new(int)); err != nil {
					t.Fatal(err)
				}
			},
		} {
			t.Run(door+" "+name, func(t *testing.T) {
				t.Parallel() // they mostly sleep
				schema := newSchema(t)
				l := newLossy(t, schema, door)
				notes(t, l.beside, schema)
				ctx := t.Context()
				bump := func() error { return write(ctx, l.store, "a", "paid") }
				if err := bump(); err != nil {
					t.Fatal(err)
				}
				lose(t, l)
				l.settled(t)
				if err := bump(); err != nil && !errors.Is(err, postgres.ErrUnavailable) && !errors.Is(err, postgres.ErrInDoubt) {
					t.Errorf("the first call: %v", err)
				}
				if err := bump(); err != nil {
					t.Errorf("the second call: %v", err)
				}
				lose(t, l)
				l.settled(t)
				time.Sleep(1100 * time.Millisecond) // both pools look at what was idle for a second
				if err := bump(); err != nil {
					t.Errorf("a call after a while: %v", err)
				}
				err := l.store.InTx(ctx, func(ctx context.Context) error {
					if err := errors.Join(publish(ctx, l.store, "sent", "a"), note(ctx, l.store, schema, "one")); err != nil {
						return err
					}
					lose(t, l)
					l.settled(t)
					return nil // carelessly
				})
				if !errors.Is(err, postgres.ErrUnavailable) && !errors.Is(err, postgres.ErrInDoubt) {
					t.Errorf("a transaction in whose middle it was lost: %v", err)
				}
				if name := nameOf(t, ctx, l.plain, "a"); name != "paid" {
					t.Errorf("the order is %q", name)
				}
			})
		}
	}
}

// A lost connection ends Listen, whose caller begins anew.
func TestListenEndsWithItsConnection(t *testing.T) {
	for _, door := range []string{"pgx", "database/sql"} {
		l := newLossy(t, newSchema(t), door)
		heard := make(chan struct{}, 10)
		ended := make(chan error)
		go func() { ended <- l.store.Listen(t.Context(), func() { heard <- struct{}{} }) }()
		<-heard
		l.cutAll()
		select {
		case err := <-ended:
			if !errors.Is(err, postgres.ErrUnavailable) {
				t.Errorf("%s: Listen: %v, want ErrUnavailable", door, err)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: Listen goes on", door)
		}
		wakes(t, l.plain, l.store)
	}
}

// hasty has no commit wait for the disk.
func hasty(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["synchronous_commit"] = "off" }
