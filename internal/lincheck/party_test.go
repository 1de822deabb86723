package lincheck_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/internal/lincheck"
)

// scope is a cache.Scope, or one with a fault.
type scope interface {
	Get(ctx context.Context, key string, load cache.Loader[lincheck.Stored]) (lincheck.Stored, error)
	GetMany(
		ctx context.Context, keys []string, load cache.BatchLoader[lincheck.Stored], found func(string, lincheck.Stored),
	) error
	Invalidate(ctx context.Context, keys ...string) error
	InvalidatePrefix(ctx context.Context, prefix string) error
}

// Seen is how much there was to be judged.
type Seen struct {
	Answers int64 // values, and that there is nothing
	Kept    int64 // those of them that had been read before they were asked for
	Behind  int64 // those that were older than the truth, as they may be
	Refused int64 // loads that were not stored, since an invalidation had come
	Failed  int64 // reads and invalidations that failed
	Forgot  int64 // what a server has forgotten, marks and all
}

func (s *Seen) add(o Seen) {
	s.Answers += o.Answers
	s.Kept += o.Kept
	s.Behind += o.Behind
	s.Refused += o.Refused
	s.Failed += o.Failed
	s.Forgot += o.Forgot
}

func (s Seen) String() string {
	return fmt.Sprintf("%d answers, %d of them kept and %d behind the truth; %d loads refused, %d calls failed, %d things forgotten",
		s.Answers, s.Kept, s.Behind, s.Refused, s.Failed, s.Forgot)
}

// party is the clients of one process, who read and change some keys through scopes of one name.
type party struct {
	ledger
	keys   []string
	scopes []scope
	forget func() error // makes a server forget something; nil: it cannot

	mu      sync.Mutex
	touches []lincheck.Touch
	errs    []error // that nothing explains
	seen    Seen
}

// newParty makes a party without scopes. Parties of one seed have the same keys.
func newParty(seed uint64, l ledger) *party {
	keys := []string{"a:1", "a:2", "a:b:3", "c:4", "5"}
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return &party{ledger: l, keys: keys[:2+random.IntN(3)]}
}

// optionsOf are the options that the party's scopes have in a round.
func (p *party) optionsOf(seed uint64) *cache.Options {
	opts := &cache.Options{OnError: func(err error) {
		if !errors.Is(err, errLine) {
			p.wrong(err)
		}
	}}
	switch seed % 4 {
	case 1:
		opts.TTL = time.Millisecond
	case 2, 3:
		opts.NegativeTTL = time.Minute
	}
	return opts
}

// play has clients do so many steps each, at the same time. number is that of the first.
func (p *party) play(seed uint64, number, clients, steps int) {
	var work sync.WaitGroup
	for i := range clients {
		random := rand.New(rand.NewPCG(seed, uint64(number+i)))
		c := &visitor{party: p, number: number + i, scope: p.scopes[i%len(p.scopes)], random: random}
		work.Go(func() {
			for range steps {
				c.step()
			}
		})
	}
	work.Wait()
}

// wrong notes what must not happen.
func (p *party) wrong(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
}

// note writes down what was done.
func (p *party) note(touches ...lincheck.Touch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.touches = append(p.touches, touches...)
}

func (p *party) count(s Seen) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen.add(s)
}

// report says what the party has done. Loads that nobody waits for any more may go on: they give nothing to anybody.
func (p *party) report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := Report{Touches: p.touches, Seen: p.seen}
	for _, err := range p.errs {
		r.Errors = append(r.Errors, err.Error())
	}
	for _, s := range p.scopes {
		if s, ok := s.(*cache.Scope[lincheck.Stored]); ok {
			r.Seen.Refused += int64(s.Stats().Stale)
		}
	}
	return r
}
