package entity

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// pump is what moves changes on, in one goroutine: it holds the Registry's leases, relays, reads the feed of a shared Log
// and trims it.
type pump struct {
	bell *bell
	told atomic.Bool // something was committed here, which the others do not know of yet
	news atomic.Bool // there may be something new to look at
	calm atomic.Bool // all that was new has been looked at

	// The goroutine's own.
	held    map[string]Token
	renewed time.Time
	trimmed time.Time
}

const (
	relayBatch = 256
	feedBehind = 16 * chunkSize // how far back the feed of a shared Log can be joined
	trimEvery  = time.Hour
	unshared   = 100 * 365 * 24 * time.Hour // the ttl of leases that nobody else can want
)

// poke makes the pump look at everything again.
func (reg *Registry) poke() {
	reg.pump.news.Store(true)
	reg.pump.bell.ring()
}

// committed tells whoever delivers that there is something new.
func (reg *Registry) committed(ctx context.Context) {
	reg.mu.Lock()
	running := reg.state == started
	reg.mu.Unlock()
	if running {
		reg.pump.told.Store(true)
		reg.poke()
	} else if reg.bus != nil { // a process that only writes
		reg.failed(reg.bus.Wake(ctx))
	}
}

// listen hears the wakes of other processes.
func (reg *Registry) listen() {
	for reg.ctx.Err() == nil {
		err := reg.bus.Listen(reg.ctx, reg.poke)
		reg.failed(err)
		reg.rest(reg.poll)
	}
}

// rest waits for d, or for Close.
func (reg *Registry) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-reg.ctx.Done():
	}
}

func (reg *Registry) runPump() {
	p := &reg.pump
	p.trimmed = time.Now()
	for reg.ctx.Err() == nil {
		p.calm.Store(false)
		p.news.Store(false)
		complete, err := reg.turn(reg.ctx)
		reg.failed(err)
		pause := reg.poll
		switch {
		case reg.shared:
			pause = min(pause, reg.ttl/3) // so that no lease runs out between two turns
		case complete && err == nil:
			pause = trimEvery
		}
		p.calm.Store(err == nil)
		reg.quiet.tell()
		p.bell.doze()
		if !p.news.Load() || err != nil {
			timer := time.NewTimer(pause)
			select {
			case <-p.bell.c:
			case <-timer.C:
			case <-reg.ctx.Done():
			}
			timer.Stop()
		}
		p.bell.rouse()
	}
}

// turn does all that there is to do now. It reports whether the Registry holds all the leases that it wants.
func (reg *Registry) turn(ctx context.Context) (complete bool, err error) {
	complete, err = reg.lease(ctx)
	if err != nil {
		return complete, err
	}
	told := reg.pump.told.Swap(false)
	moved, err := reg.relay(ctx)
	if reg.shared && reg.bus != nil && (moved || told) {
		reg.failed(reg.bus.Wake(ctx)) // the others poll; this process goes on at its pace
	}
	if reg.shared {
		err = errors.Join(err, reg.fill(ctx))
	}
	return complete, errors.Join(err, reg.trim(ctx))
}

// relay gives Positions, if that is this process's to do.
func (reg *Registry) relay(ctx context.Context) (moved bool, err error) {
	t := reg.pump.held[LeaseRelay]
	if !reg.shared || t.Number == 0 {
		return false, nil
	}
	for {
		n, err := reg.log.Relay(ctx, t, relayBatch)
		if errors.Is(err, ErrLeaseLost) {
			delete(reg.pump.held, LeaseRelay)
			return moved, nil
		}
		if err != nil {
			return moved, fmt.Errorf("entity: relay: %w", err)
		}
		moved = moved || n > 0
		if n < relayBatch || time.Since(reg.pump.renewed) > reg.ttl/3 {
			if n == relayBatch {
				reg.poke()
			}
			return moved, nil
		}
	}
}

// fill reads what is new in a shared Log.
func (reg *Registry) fill(ctx context.Context) error {
	end := reg.feed.end.Load()
	var shards shardSet
	for c, err := range reg.log.Changes(ctx, end) {
		if err != nil {
			return fmt.Errorf("entity: read changes after %d: %w", end, err)
		}
		if c.Position > end+1 {
			reg.skip(end+1, c.Position-1)
		}
		reg.failed(reg.typed(&c))
		reg.feed.mu.Lock()
		reg.feed.append(&c)
		reg.feed.mu.Unlock()
		shards |= shardOf(&c, true)
		end = c.Position
	}
	if shards != 0 {
		reg.feed.mu.Lock()
		reg.feed.trim(end - feedBehind)
		reg.feed.mu.Unlock()
		reg.feed.ring(shards)
	}
	return nil
}

// skip fills a hole in the feed: changes that were trimmed before this process, which was cut off from the Log for longer
// than Keep, has read them. The feed's Positions have no gap.
func (reg *Registry) skip(first, last int64) {
	reg.failed(fmt.Errorf("entity: the changes %d to %d were deleted before this process read them: broadcasts missed them", first, last))
	reg.feed.mu.Lock()
	defer reg.feed.mu.Unlock()
	for position := first; position <= last; position++ {
		reg.feed.append(&Change{Position: position}) // which is nothing to anybody
		if position%feedBehind == 0 {
			reg.feed.trim(position - feedBehind)
		}
	}
}

// trim deletes, now and then, what is older than Keep. Groups that had nothing to do are asked first how far they are.
func (reg *Registry) trim(ctx context.Context) error {
	t := reg.pump.held[LeaseRelay]
	if reg.keep < 0 || t.Number == 0 || time.Since(reg.pump.trimmed) < trimEvery {
		return nil
	}
	reg.pump.trimmed = time.Now()
	reg.feed.ring(allShards)
	if err := reg.log.Trim(ctx, t, reg.now().Add(-reg.keep)); err != nil && !errors.Is(err, ErrLeaseLost) {
		return fmt.Errorf("entity: trim: %w", err)
	}
	return nil
}
