package lincheck_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/internal/lincheck"
)

var errLoad = errors.New("the database is away")

// loading is how one read loads, if it has to.
type loading struct {
	*party
	client  int
	random  *rand.Rand
	mayExit bool // it runs on a goroutine of its own
}

func (c *visitor) loading(ctx context.Context) *loading {
	random := rand.New(rand.NewPCG(c.random.Uint64(), 0))
	return &loading{party: c.party, client: c.number, random: random, mayExit: ctx.Done() != nil}
}

// one reads the truth, slowly now and then, and may come to a bad end.
func (l *loading) one(ctx context.Context, key string) (lincheck.Stored, error) {
	jitter(l.random)
	now, versions := l.look(key)
	v := lincheck.Stored{Key: key, Version: versions[0], Read: now}
	l.note(lincheck.Touch{Did: lincheck.Load, Client: l.client, Call: now, Return: now, Stored: v})
	if l.random.IntN(4) == 0 {
		select {
		case <-time.After(time.Duration(l.random.IntN(2000)) * time.Microsecond):
		case <-ctx.Done():
			if l.random.IntN(2) == 0 { // else it does not mind
				return v, ctx.Err()
			}
		}
	}
	switch n := l.random.IntN(40); {
	case n < 2:
		return v, errLoad
	case n < 4:
		panic(errLoad)
	case n < 5 && l.mayExit:
		runtime.Goexit()
	}
	if lincheck.Absent(v.Version) {
		return v, cache.ErrNotFound
	}
	return v, nil
}

func (l *loading) many(ctx context.Context, keys []string, found func(string, lincheck.Stored)) error {
	for _, key := range keys {
		v, err := l.one(ctx, key)
		switch {
		case err == nil:
			found(key, v)
		case !errors.Is(err, cache.ErrNotFound):
			return err
		}
	}
	return nil
}
