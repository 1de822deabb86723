package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// fault is some harm that is done again and again, at random instants.
type fault struct {
	name  string
	every time.Duration // on average
	do    func(ctx context.Context) (n int, err error)
}

// harm does all faults until ctx ends. What the driver itself needs of the servers does not pass through the proxies.
func harm(ctx context.Context, f *fleet, r *report) error {
	cut := func(p *proxy, share float64) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return p.cut(share), nil }
	}
	refuse := func(p *proxy, longest time.Duration) func(context.Context) (int, error) {
		return func(context.Context) (int, error) {
			p.refuse(rand.N(longest))
			return 1, nil
		}
	}
	hold := func(p *proxy, longest time.Duration) func(context.Context) (int, error) {
		return func(context.Context) (int, error) {
			p.hold(rand.N(longest))
			return 1, nil
		}
	}
	s := f.servers
	faults := []fault{
		{"processes killed", 3 * time.Second, func(context.Context) (int, error) { return f.kill(), nil }},
		{"connections to PostgreSQL cut", time.Second, cut(s.toPostgres, 0.3)},
		{"connections that PostgreSQL ended", 2 * time.Second, s.endBackends},
		{"times PostgreSQL was away", 8 * time.Second, refuse(s.toPostgres, 500*time.Millisecond)},
		{"times PostgreSQL was silent", 8 * time.Second, hold(s.toPostgres, 500*time.Millisecond)},
		{"connections to NATS cut", time.Second, cut(s.toNATS, 0.5)},
		{"times NATS was away", 5 * time.Second, refuse(s.toNATS, 2*time.Second)},
		{"times NATS was silent", 8 * time.Second, hold(s.toNATS, 2*time.Second)},
		{"connections to Redis cut", time.Second, cut(s.toRedis, 0.5)},
		{"times Redis was away", 5 * time.Second, refuse(s.toRedis, 2*time.Second)},
		{"times Redis was silent", 8 * time.Second, hold(s.toRedis, 2*time.Second)},
		{"keys of Redis deleted", 2 * time.Second, s.flush},
	}
	var all sync.WaitGroup
	errs := make([]error, len(faults))
	for i, fault := range faults {
		all.Go(func() {
			for pause(ctx, time.Duration(rand.ExpFloat64()*float64(fault.every))) {
				n, err := fault.do(ctx)
				if err != nil && ctx.Err() == nil {
					errs[i] = fmt.Errorf("%s: %w", fault.name, err)
					return
				}
				r.harmed(fault.name, n)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// pause waits, and reports whether ctx has not ended meanwhile.
func pause(ctx context.Context, long time.Duration) bool {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
