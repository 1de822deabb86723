package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slokeep/slokeep/slo"
)

// TestThreeEnginesReadAtOnceWhatOneWrites has three Engines on one PostgreSQL and one Redis: with MaxStale 0 each answers
// what the others have just written, with a MaxStale after that time, with Redis there and with Redis gone.
func TestThreeEnginesReadAtOnceWhatOneWrites(t *testing.T) {
	o := needServers(t)
	ctx := t.Context()
	s, err := connect(ctx, o)
	must(t, err)
	defer func() { must(t, s.close()) }()
	const stale = 200 * time.Millisecond
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	var engines []*worker
	for i, maxStale := range []time.Duration{0, 0, stale} {
		w, err := open(ctx, order{
			Name: s.name, Process: i, Now: now, MaxStale: maxStale, Postgres: o.postgres,
			Port: uint16(s.toPostgres.address().Port), Redis: s.toRedis.address().String(), NATS: natsAt(o.nats, s.toNATS.address().String()),
		})
		must(t, err)
		defer w.close()
		engines = append(engines, w)
	}
	_, err = engines[0].Ensure(ctx, slo.Objective{ID: "checkout", SystemID: "arn:aws:ecs:eu-1:7:api", Target: 99.9, Window: slo.Days(30)})
	must(t, err)
	statuses := func() (list []slo.Status) {
		for _, e := range engines {
			st, err := e.Status(ctx, "checkout")
			must(t, err)
			list = append(list, st)
		}
		return list
	}
	consumed := time.Duration(0)
	check := func(when string, rounds int) {
		t.Helper()
		for i := range rounds {
			statuses() // whatever they keep, they have it
			down := now.Add(-29*24*time.Hour + consumed*10)
			consumed += time.Minute
			system := "arn:aws:ecs:eu-1:7:api"
			must(t, engines[i%2].Observe(ctx, slo.Down(system, down), slo.Up(system, down.Add(time.Minute))))
			written := time.Now()
			got := statuses()
			for reader, st := range got[:2] {
				if st.Budget.Consumed != consumed {
					t.Fatalf("%s, round %d: reader %d says that %v is consumed: want %v", when, i, reader, st.Budget.Consumed, consumed)
				}
			}
			time.Sleep(time.Until(written.Add(stale))) // what it answers after that must be new
			if got = statuses(); got[2].Budget.Consumed != consumed {
				t.Fatalf("%s, round %d: after %v the third says that %v is consumed: want %v", when, i, stale, got[2].Budget.Consumed, consumed)
			}
			if diff := cmp.Diff(got[0], got[2]); diff != "" {
				t.Fatalf("%s, round %d: the answers differ:\n%s", when, i, diff)
			}
		}
	}
	check("with Redis", 5)
	var sum counts
	for _, e := range engines {
		c := e.counts()
		sum.hits, sum.wakes = sum.hits+c.hits, sum.wakes+c.wakes
	}
	if sum.hits == 0 || sum.wakes == 0 {
		t.Errorf("%d histories were found in Redis, and %d wakes came: want some", sum.hits, sum.wakes)
	}
	n, err := s.flush(ctx)
	must(t, err)
	if n == 0 {
		t.Error("nothing was kept in Redis")
	}
	check("with Redis flushed", 3)
	s.toRedis.close()
	check("with Redis gone", 3)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
