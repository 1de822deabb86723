package engine

import (
	"context"
	"fmt"
	"time"
)

// leased is a lease that this process asks for again and again. It is for one goroutine.
type leased struct {
	engine *Engine
	name   string
	until  time.Time // in real time, until when it is held for sure
}

// hold takes the lease, or keeps it, and reports whether it is held. Of a store that is one process's nothing is leased.
func (l *leased) hold(ctx context.Context) (bool, error) {
	e := l.engine
	if !e.store.Shared() {
		return true, nil
	}
	now := time.Now()
	if l.until.Sub(now) > e.ttl*2/3 {
		return true, nil
	}
	tokens, err := e.store.Lease(ctx, []string{l.name}, e.holder, e.ttl)
	if err != nil {
		l.until = time.Time{}
		return false, fmt.Errorf("engine: lease %q: %w", l.name, err)
	}
	held := tokens[0].Number != 0
	if l.until = (time.Time{}); held {
		l.until = now.Add(e.ttl)
	}
	return held, nil
}

// giveUp lets another process have it.
func (l *leased) giveUp() {
	if l.until.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = l.engine.store.Lease(ctx, []string{l.name}, l.engine.holder, 0) // or it runs out
	l.until = time.Time{}
}
