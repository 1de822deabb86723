package lincheck_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
)

// listener is a subscriber that writes down what it is given.
type listener struct {
	w     *world
	fails int  // of a hundred first attempts
	echo  bool // it mutates, now and then, the entity that it was told about

	mu    sync.Mutex
	sub   lincheck.Subscriber
	tries map[string]int
}

func (w *world) listener(sub lincheck.Subscriber) *listener {
	return &listener{w: w, sub: sub, tries: map[string]int{}}
}

// on subscribes in a process.
func (l *listener) on(p *process, opts entity.SubscribeOptions) {
	opts.Backoff = time.Millisecond
	opts.Attempts = 50 // so that nothing is parked
	c := p.client(100 + p.number)
	handler := func(ctx context.Context, change entity.Typed[lincheck.State]) error {
		return l.handle(ctx, c, lincheck.ChangeOf(change))
	}
	if _, err := p.things.OnChange(handler, &opts); err != nil {
		l.w.t.Fatal(err)
	}
}

// handle is the handler: it reads, may mutate, and may fail.
func (l *listener) handle(ctx context.Context, c *client, change lincheck.Change) (err error) {
	a := lincheck.Attempt{Change: change, Process: c.process.number, Start: l.w.now(), Failed: true}
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		a.End = l.w.now()
		l.sub.Attempts = append(l.sub.Attempts, a)
	}()
	if a.Version, err = c.things.Version(ctx, change.ID); err != nil {
		return err
	}
	if a.State, err = c.read(ctx, change.ID); err != nil {
		return err
	}
	if l.w.masked {
		a.State = lincheck.Mask(a.State) // as changes show it
	}
	a.Looked = true
	dice, first := l.dice(change)
	if l.echo && first && change.Version < 40 && dice%4 == 0 {
		l.mutate(ctx, c, change.ID)
	}
	switch dice = dice / 4 % 100; {
	case dice >= l.fails:
		a.Failed = false
		return nil
	case dice%2 == 0:
		panic(errBoom)
	}
	return errBoom
}

// dice is a number that depends on the seed, the change and how often it came, and whether this is the first time.
func (l *listener) dice(change lincheck.Change) (number int, first bool) {
	key := fmt.Sprint(l.w.seed, l.sub.Name, change.ID, change.Version)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries[key]++
	h := fnv.New32a()
	fmt.Fprint(h, key, l.tries[key])
	return int(h.Sum32()), l.tries[key] == 1
}

// mutate is a write of the handler. Several calls of it may run at once, so that it does not use the client's dice.
func (l *listener) mutate(ctx context.Context, c *client, id string) {
	in := lincheck.Input{ID: id, Verb: lincheck.Add, Name: "echo", Actor: actors[2]}
	c.mutate(ctx, in, func(ctx context.Context, in lincheck.Input) error {
		s, err := row(ctx, c.table, id)
		if err != nil {
			return err
		}
		if s == nil {
			s = &lincheck.State{Name: in.Name}
		}
		s.Count++
		return c.table.put(ctx, id, s)
	})
}

// record is a copy of what the subscriber was given so far.
func (l *listener) record() lincheck.Subscriber {
	l.mu.Lock()
	defer l.mu.Unlock()
	sub := l.sub
	sub.Attempts = append([]lincheck.Attempt{}, l.sub.Attempts...)
	return sub
}

// since notes that what was published by now need not come.
func (l *listener) since(p *process) {
	l.sub.Missed = map[string]int64{}
	for _, id := range l.w.ids {
		v, err := p.things.Version(l.w.ctx, id)
		l.w.wrong(err)
		l.sub.Missed[id] = v
	}
}
