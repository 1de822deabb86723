package lincheck_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/internal/lincheck"
)

func TestReadsThroughACache(t *testing.T) {
	t.Run("on Memory", func(t *testing.T) { readsThrough(t, shareOfReads, onOneMemory) })
	t.Run("on a provider that cannot fence", func(t *testing.T) { readsThrough(t, shareOfReads, onUnfenced) })
	t.Run("on Redis in two processes", func(t *testing.T) {
		if histories, seen := readsThrough(t, shareOfRedis, onTwoProcesses(t, noFault)); histories > enough && seen.Forgot == 0 {
			t.Error("the server has forgotten nothing")
		}
	})
}

// enough is after how many histories everything must have happened.
const enough = 5

// readsThrough judges histories of a cache until the share of the time is over.
func readsThrough(t *testing.T, share float64, history func(seed uint64) (Report, error)) (histories int, seen Seen) {
	touches := 0
	for seed := range rounds(t, share) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r, err := history(seed)
			if err = errors.Join(err, r.judge()); err != nil {
				t.Errorf("%s", short(err))
			}
			histories++
			touches += len(r.Touches)
			seen.add(r.Seen)
		})
	}
	t.Logf("%d histories of %d operations: %s", histories, touches, seen)
	if histories > enough && (seen.Kept == 0 || seen.Behind == 0 || seen.Refused == 0 || seen.Failed == 0) {
		t.Error("nothing was kept, or old, or refused, or failed: this has shown nothing")
	}
	return histories, seen
}

// judge checks what all processes have reported.
func (r *Report) judge() error {
	var errs []error
	for _, text := range r.Errors {
		errs = append(errs, errors.New(text))
	}
	return errors.Join(append(errs, lincheck.CheckReadThrough(r.Touches, judging))...)
}

// onOneMemory has clients use two scopes of one name on a Memory, which is small or pauses before it stores, now and then.
func onOneMemory(seed uint64) (r Report, err error) {
	p := newParty(seed, newBook())
	opts := &cache.MemoryOptions[lincheck.Stored]{}
	switch seed % 3 {
	case 1:
		opts.MaxEntries = 2
	case 2:
		opts.MaxCost, opts.Cost = 1000, func(string, lincheck.Stored) int64 {
			jitter(newRandom())
			return 1
		}
	}
	provider, err := cache.NewMemory(opts)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, provider.Close()) }()
	for range 2 {
		s, err := cache.NewScope(provider, things, p.optionsOf(seed))
		if err != nil {
			return r, err
		}
		p.scopes = append(p.scopes, s)
	}
	p.play(seed, 0, 8, 60)
	return p.report(), nil
}

// onUnfenced has clients of one process use a scope on a provider that cannot fence, at the end of a line.
func onUnfenced(seed uint64) (r Report, err error) {
	p := newParty(seed, newBook())
	provider, err := cache.NewMemory[lincheck.Stored](nil)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, provider.Close()) }()
	s, err := cache.NewScope(shaky{provider, lineOf(seed)}, things, p.optionsOf(seed))
	if err != nil {
		return r, err
	}
	p.scopes = []scope{s}
	p.play(seed, 0, 8, 60)
	return p.report(), nil
}

// newRandom is for those who share none.
func newRandom() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), 0)) }
