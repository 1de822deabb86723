package entity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// groupRun is a group as this process takes part in it.
type groupRun struct {
	reg     *Registry
	group   Group
	opts    SubscribeOptions
	joined  bool          // its rows are in the Log
	slots   chan struct{} // as many as calls may run at once
	match   func(c *Change) bool
	members []*subscription // under Registry.mu
}

// subscribeGroup adds a handler to a group.
func (reg *Registry) subscribeGroup(sub *subscription) (stop func(), err error) {
	key := Group{sub.opts.Group, sub.source}
	reg.mu.Lock()
	defer reg.mu.Unlock()
	joined := false
	for reg.groups[key] == nil && !joined && (!reg.shared || reg.state == started) {
		reg.mu.Unlock() // nobody waits for the Log with us
		err := reg.join(reg.ctx, key, sub.opts.From)
		reg.mu.Lock()
		if joined = true; err != nil {
			return nil, err
		}
	}
	if err := reg.check(); err != nil {
		return nil, err
	}
	g := reg.groups[key]
	if g == nil {
		g = &groupRun{
			reg: reg, group: key, opts: sub.opts, match: sub.match, joined: joined, slots: make(chan struct{}, sub.opts.Parallel),
		}
		reg.groups[key] = g
	}
	if g.opts != sub.opts {
		return nil, fmt.Errorf("%w: group %q of %s has a handler with the options %+v, not %+v",
			ErrConflict, key.Name, key.Source, g.opts, sub.opts)
	}
	g.members = append(g.members, sub)
	reg.poke()
	return func() { reg.leave(g, sub) }, nil
}

// join makes a group's rows in the Log, if it has none.
func (reg *Registry) join(ctx context.Context, g Group, from int64) (err error) {
	start := max(from, 0)
	if from == 0 {
		start, _, err = reg.log.Last(ctx)
	}
	if err == nil {
		_, err = reg.log.Positions(ctx, g, start)
	}
	if closed := reg.check(); closed != nil {
		return closed
	}
	if err != nil {
		return fmt.Errorf("entity: join group %q: %w", g.Name, err)
	}
	return nil
}

// leave takes a handler out of its group, and gives up the group's shards with the last one.
func (reg *Registry) leave(g *groupRun, sub *subscription) {
	reg.mu.Lock()
	defer reg.mu.Unlock()
	for i, member := range g.members {
		if member == sub {
			g.members = append(g.members[:i:i], g.members[i+1:]...)
			break
		}
	}
	if len(g.members) > 0 || reg.groups[g.group] != g {
		return
	}
	delete(reg.groups, g.group)
	for _, l := range reg.lanes {
		if l.keeper.run == g {
			l.halt()
		}
	}
	reg.poke()
	reg.quiet.tell()
}

// handler returns the member that handles a shard here.
func (g *groupRun) handler(shard int) *subscription {
	g.reg.mu.Lock()
	defer g.reg.mu.Unlock()
	if len(g.members) == 0 {
		return nil
	}
	return g.members[shard%len(g.members)]
}

// run starts the lane of a shard whose lease was just got.
func (g *groupRun) run(ctx context.Context, shard int, t Token) error {
	positions, err := g.reg.log.Positions(ctx, g.group, 0)
	if err != nil {
		return fmt.Errorf("entity: group %q: %w", g.group.Name, err)
	}
	mine := func(c *Change) bool { return Shard(c.Kind, c.ID) == shard }
	l := newLane(g.reg, g.opts, 1<<shard)
	l.wants = func(c *Change) bool { return mine(c) && g.match(c) }
	l.handler = func() *subscription { return g.handler(shard) }
	l.keeper = &keeper{run: g, token: t, progress: Progress{Group: g.group, Shard: shard}, saved: positions[shard], savedAt: time.Now()}
	l.position = positions[shard]
	for p, err := range g.reg.log.Pending(ctx, g.group.Name) {
		if err != nil {
			return fmt.Errorf("entity: group %q: %w", g.group.Name, err)
		}
		if p.Group != g.group || p.Parked || !mine(&p.Change) {
			continue
		}
		if err := g.reg.typed(&p.Change); err != nil {
			g.reg.failed(err)
		}
		key := entityKey{p.Change.Kind, p.Change.ID}
		l.stuck[key] = append(l.stuck[key], p)
	}
	if !g.reg.shared {
		l.cursor = g.reg.feed.seek(l.position)
	}
	g.reg.mu.Lock()
	defer g.reg.mu.Unlock()
	if g.reg.state != started || g.reg.groups[g.group] != g {
		return nil
	}
	g.reg.lanes[t.Name] = l
	l.start()
	return nil
}

// keeper writes down the progress of a group's shard. The nil keeper, of a broadcast, writes nothing.
type keeper struct {
	run      *groupRun
	token    Token
	progress Progress
	saved    int64
	savedAt  time.Time
	dirty    bool // something was handled since
}

// lazily is how long the progress of a shard that had nothing to do waits to be written down.
const lazily = 5 * time.Second

func (k *keeper) put(p Pending) {
	if k == nil {
		return
	}
	p.Group = k.run.group
	k.dirty = true
	if i := k.find(p.Change.Position); i >= 0 {
		k.progress.Put[i] = p
	} else {
		k.progress.Put = append(k.progress.Put, p)
	}
}

// find returns where a Position is in what is to be put: it is there once, and is not to be deleted as well, since no Log
// says which of the two comes first.
func (k *keeper) find(position int64) int {
	return slices.IndexFunc(k.progress.Put, func(p Pending) bool { return p.Change.Position == position })
}

func (k *keeper) forget(position int64) {
	if k == nil {
		return
	}
	if i := k.find(position); i >= 0 {
		k.progress.Put = slices.Delete(k.progress.Put, i, i+1)
	}
	k.progress.Done = append(k.progress.Done, position)
	k.dirty = true
}

func (k *keeper) handled() {
	if k != nil {
		k.dirty = true
	}
}

// enter takes one of the group's slots for a lane, or reports false when the lane is to end meanwhile.
func (k *keeper) enter(l *lane) bool {
	for k != nil {
		select {
		case k.run.slots <- struct{}{}:
			return true
		case <-l.bell.c:
		case <-l.ctx.Done():
		}
		if l.halted() {
			return false
		}
	}
	return true
}

func (k *keeper) leave() {
	if k != nil {
		<-k.run.slots
	}
}

// save writes down that all up to position is handled or pending: at once where something was, else lazily.
func (k *keeper) save(ctx context.Context, position int64) error {
	if !k.dirty && (position == k.saved || time.Since(k.savedAt) < lazily) {
		return nil
	}
	k.progress.Position = position
	err := k.run.reg.log.Save(ctx, k.token, k.progress)
	if err != nil {
		return fmt.Errorf("entity: group %q: save progress: %w", k.run.group.Name, err)
	}
	k.progress.Put, k.progress.Done = k.progress.Put[:0], k.progress.Done[:0]
	k.saved, k.savedAt, k.dirty = position, time.Now(), false
	return nil
}

// late reports whether much time has passed since what was handled was last written down: slow handlers are not to be
// called again for more than the last few changes, should the process die.
func (k *keeper) late() bool { return k != nil && k.dirty && time.Since(k.savedAt) > handledFor }

// handledFor is how long what was handled waits to be written down, while there is more to handle.
const handledFor = time.Second

// last saves what was handled before the lane ended, so that it is not handled again.
func (k *keeper) last(position int64) {
	if k == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lazily)
	defer cancel()
	if err := k.save(ctx, position); err != nil && !errors.Is(err, ErrLeaseLost) {
		k.run.reg.failed(err)
	}
}

// idle says after what pause a lane that has nothing to do should save.
func (k *keeper) idle(position int64) (pause time.Duration, ok bool) {
	if k == nil || position == k.saved {
		return 0, false
	}
	return lazily, true
}
