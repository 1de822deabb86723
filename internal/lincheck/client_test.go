package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/lincheck"
)

// client does one operation after another through one process.
type client struct {
	*process
	number int
	random *rand.Rand
}

func (p *process) client(number int) *client {
	return &client{p, number, rand.New(rand.NewPCG(p.w.random.Uint64(), uint64(number)))}
}

var (
	errBoom = errors.New("boom")
	names   = []string{"x", "y", "y2", "z"}
	actors  = []entity.Actor{entity.System, {Type: "user", ID: "u-1", Name: "Ada"}, {Type: "job"}}
)

func (c *client) id() string { return c.w.ids[c.random.IntN(len(c.w.ids))] }

// ask makes what a write is to do.
func (c *client) ask(id string, verb lincheck.Verb) lincheck.Input {
	return lincheck.Input{
		ID: id, Verb: verb, Name: names[c.random.IntN(len(names))], Actor: actors[c.random.IntN(len(actors))],
	}
}

// setOrAdd is a verb of a write that leaves the entity there.
func (c *client) setOrAdd() lincheck.Verb {
	return []lincheck.Verb{lincheck.Set, lincheck.Add}[c.random.IntN(2)]
}

// writes are what a client does, as often as they are listed for each other.
var writes = []struct {
	weight int
	do     func(c *client)
}{
	{30, func(c *client) { c.mutate(c.w.ctx, c.ask(c.id(), lincheck.Set), c.plain) }},
	{25, func(c *client) { c.mutate(c.w.ctx, c.ask(c.id(), lincheck.Add), c.plain) }},
	{10, func(c *client) { c.mutate(c.w.ctx, c.ask(c.id(), lincheck.Remove), c.plain) }},
	{2, func(c *client) { c.mutate(c.w.ctx, c.ask(c.id(), lincheck.Keep), c.plain) }},
	{4, func(c *client) { c.mutate(c.w.ctx, c.ask(c.id(), c.setOrAdd()), c.through) }},
	{8, (*client).fail},
	{5, (*client).interrupted},
	{8, (*client).many},
	{6, (*client).nested},
	{3, (*client).refresh},
}

var reads = []struct {
	weight int
	do     func(c *client)
}{
	{12, (*client).get},
	{12, (*client).version},
	{6, (*client).head},
	{6, (*client).both},
}

// step does one operation. Of readers, more of them read.
func (c *client) step(reader bool) {
	list := writes
	if reader || c.random.IntN(4) == 0 {
		list = reads
	}
	total := 0
	for _, w := range list {
		total += w.weight
	}
	n := c.random.IntN(total)
	for _, w := range list {
		if n -= w.weight; n < 0 {
			w.do(c)
			return
		}
	}
}

// plain is a write of the host.
func (c *client) plain(ctx context.Context, in lincheck.Input) error {
	jitter(c.random)
	s, err := row(ctx, c.table, in.ID)
	if err != nil {
		return err
	}
	jitter(c.random)
	switch in.Verb {
	case lincheck.Keep:
		return nil
	case lincheck.Remove:
		s = nil
	case lincheck.Set, lincheck.Add:
		if s == nil {
			s = &lincheck.State{Name: in.Name}
		}
		if in.Verb == lincheck.Add {
			s.Count++
		} else {
			s.Name = in.Name
		}
	}
	if err := c.table.put(ctx, in.ID, s); err != nil {
		return err
	}
	jitter(c.random)
	return nil
}

// through is a write inside of another Mutate of the same entity, of which it is then a part.
func (c *client) through(ctx context.Context, in lincheck.Input) error {
	change, err := c.things.Mutate(ctx, in.ID, func(ctx context.Context) error { return c.plain(ctx, in) }, nil)
	if err == nil && change.Version != 0 {
		err = fmt.Errorf("a Mutate inside of another of the same entity published %v", lincheck.ChangeOf(change))
		c.w.wrong(err)
	}
	return err
}

// mutate does one write.
func (c *client) mutate(ctx context.Context, in lincheck.Input, write func(context.Context, lincheck.Input) error) {
	do := c.things.Mutate
	if in.Verb == lincheck.Remove || in.Verb == lincheck.Keep {
		do = c.things.Remove
	}
	call := c.w.now()
	change, err := do(c.table.begin(ctx), in.ID, func(ctx context.Context) error { return write(ctx, in) },
		&entity.MutateOptions{Actor: in.Actor})
	// An error that nobody asked for is not the model's to judge.
	if err != nil && !in.MustFail {
		switch {
		case in.Verb == lincheck.Keep && errors.Is(err, entity.ErrRead):
		case ctx.Err() != nil, c.isCut():
			in.MayFail = true
		default:
			in.MayFail = true
			c.w.wrong(fmt.Errorf("%v of %s: %w", in.Verb, in.ID, err))
		}
	}
	c.w.note(c.number, call, in, lincheck.Output{Failed: err != nil, Change: lincheck.ChangeOf(change)})
}

// fail is a write that does its work and fails, in one of several ways.
func (c *client) fail() {
	ctx, cancel := context.WithCancel(c.w.ctx)
	defer cancel()
	in := c.ask(c.id(), c.setOrAdd())
	in.MustFail = true
	way := c.random.IntN(4)
	c.mutate(ctx, in, func(ctx context.Context, in lincheck.Input) error {
		if err := c.plain(ctx, in); err != nil {
			return err
		}
		switch way {
		case 0:
			panic(errBoom)
		case 1:
			cancel() // it ends before the commit
			return nil
		case 2: // a state that JSON does not bring back
			return c.table.put(ctx, in.ID, &lincheck.State{Name: "\xff"})
		}
		return errBoom
	})
}

// interrupted is a write whose context ends at any time.
func (c *client) interrupted() {
	ctx, cancel := context.WithCancel(c.w.ctx)
	defer cancel()
	stop := time.AfterFunc(time.Duration(c.random.IntN(500))*time.Microsecond, cancel)
	defer stop.Stop()
	c.mutate(ctx, c.ask(c.id(), c.setOrAdd()), c.plain)
}

// many writes several entities at once.
func (c *client) many() {
	ids := append([]string{}, c.w.ids...)
	c.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	ids = ids[:2]
	var asked []lincheck.Input
	for _, id := range ids {
		in := c.ask(id, c.setOrAdd())
		if len(asked) > 0 {
			in.Actor = asked[0].Actor
		}
		asked = append(asked, in)
	}
	call := c.w.now()
	changes, err := c.things.MutateMany(c.table.begin(c.w.ctx), ids, func(ctx context.Context) error {
		for _, in := range asked {
			if err := c.plain(ctx, in); err != nil {
				return err
			}
		}
		return nil
	}, &entity.MutateOptions{Actor: asked[0].Actor})
	outputs := make([]lincheck.Output, len(asked))
	for _, change := range changes {
		for i, in := range asked {
			if change.ID == in.ID {
				outputs[i].Change = lincheck.ChangeOf(change)
			}
		}
	}
	c.together(call, asked, outputs, err)
}

// together writes down operations of one transaction, which may have lost a wait for a lock.
func (c *client) together(call int64, asked []lincheck.Input, outputs []lincheck.Output, err error) {
	if err != nil && !errors.Is(err, entity.ErrConflict) && !c.isCut() && !asked[0].MustFail {
		c.w.wrong(fmt.Errorf("several writes in one transaction: %w", err))
	}
	for i, in := range asked {
		in.MayFail = err != nil && !in.MustFail
		outputs[i].Failed = err != nil
		c.w.note(c.number, call, in, outputs[i])
	}
}

// nested writes one entity inside of the write of another. In one way the inner write fails, and the outer one says
// nothing of it.
func (c *client) nested() {
	outer, inner := c.ask(c.id(), c.setOrAdd()), c.ask(c.id(), c.setOrAdd())
	if inner.ID == outer.ID {
		return
	}
	fails := c.random.IntN(4) == 0
	outer.MustFail, inner.MustFail = fails, fails
	outputs := make([]lincheck.Output, 2)
	call := c.w.now()
	change, err := c.things.Mutate(c.table.begin(c.w.ctx), outer.ID, func(ctx context.Context) error {
		if err := c.plain(ctx, outer); err != nil {
			return err
		}
		change, err := c.things.Mutate(ctx, inner.ID, func(ctx context.Context) error {
			if err := c.plain(ctx, inner); err != nil || !fails {
				return err
			}
			return errBoom
		}, &entity.MutateOptions{Actor: inner.Actor})
		outputs[1].Change = lincheck.ChangeOf(change)
		if fails {
			return nil
		}
		return err
	}, &entity.MutateOptions{Actor: outer.Actor})
	outputs[0].Change = lincheck.ChangeOf(change)
	c.together(call, []lincheck.Input{outer, inner}, outputs, err)
}

// refresh publishes nothing, since nothing was written past the framework but what nobody had seen.
func (c *client) refresh() {
	if err := c.things.Refresh(c.w.ctx, c.id(), c.id()); err != nil && !errors.Is(err, entity.ErrConflict) {
		c.w.wrong(fmt.Errorf("Refresh: %w", err))
	}
}

func (c *client) get() {
	in, call := lincheck.Input{ID: c.id(), Verb: lincheck.Get}, c.w.now()
	s, err := c.read(c.w.ctx, in.ID)
	c.w.wrong(err)
	c.w.note(c.number, call, in, lincheck.Output{State: s})
}

// read is Get, with nil for what does not exist.
func (p *process) read(ctx context.Context, id string) (*lincheck.State, error) {
	s, err := p.things.Get(ctx, id)
	if errors.Is(err, entity.ErrNotFound) {
		return nil, nil
	}
	return &s, err
}

func (c *client) version() {
	in, call := lincheck.Input{ID: c.id(), Verb: lincheck.Version}, c.w.now()
	v, err := c.things.Version(c.w.ctx, in.ID)
	c.w.wrong(err)
	c.w.note(c.number, call, in, lincheck.Output{Version: v})
}

func (c *client) head() {
	in, call := lincheck.Input{ID: c.id(), Verb: lincheck.Head}, c.w.now()
	var out lincheck.Output
	for head, err := range c.w.ends[c.process.number%len(c.w.ends)].log.Heads(c.w.ctx, kind, []string{in.ID}) {
		state, errState := lincheck.Decode(head.State)
		published, errPublished := lincheck.Decode(head.Published)
		c.w.wrong(errors.Join(err, errState, errPublished))
		out = lincheck.Output{Version: head.Version, State: state, Change: lincheck.Change{Next: published}}
	}
	c.w.note(c.number, call, in, out)
}

func (c *client) both() {
	in, call := lincheck.Input{ID: c.id(), Verb: lincheck.Both}, c.w.now()
	var out lincheck.Output
	log := c.w.ends[c.process.number%len(c.w.ends)].log
	err := log.InTx(c.w.ctx, func(ctx context.Context) (err error) {
		if _, err := log.Lock(ctx, kind, []string{in.ID}); err != nil {
			return err
		}
		if out.Version, err = c.things.Version(ctx, in.ID); err != nil {
			return err
		}
		jitter(c.random)
		out.State, err = c.read(ctx, in.ID)
		return err
	})
	c.w.wrong(err)
	c.w.note(c.number, call, in, out)
}
