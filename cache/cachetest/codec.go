package cachetest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/slokeep/slokeep/cache"
)

var codecLaws = []law{{
	name:  "a value that the codec loses is refused",
	needs: loses,
	why: `Law 7 of package cache. A codec that does not give back a value equal to what it was given has lost something (JSON
of a struct without exported fields is {}): Set returns an error that matches cache.ErrCodec, stores nothing under that key,
and what was there is gone. Readers of a Scope get what was loaded, each time anew, and OnError hears of it.`,
	check: func(w *world) {
		p := w.h.Lossy(w.TB)
		find := func(key string) (found []Hidden) {
			w.must("Get", p.Get(w.ctx, name, []string{key}, func(_ int, e cache.Entry[Hidden]) { found = append(found, e.Value) }))
			return found
		}
		set := func(key string, v Hidden) error {
			return p.Set(w.ctx, name, []cache.Item[Hidden]{{Key: key, Entry: cache.Entry[Hidden]{Value: v}, TTL: time.Hour}})
		}
		w.must("Set of what a codec cannot lose", set("a", Hidden{}))
		if got := find("a"); len(got) != 1 {
			w.Errorf("after a Set of what a codec cannot lose there is %v", got)
		}
		if err := set("a", Hidden{"x"}); !errors.Is(err, cache.ErrCodec) {
			w.Errorf("Set of what the codec loses returned %v: want ErrCodec", err)
		}
		if got := find("a"); len(got) != 0 {
			w.Errorf("after a Set of what the codec loses there is %+v: want nothing", got)
		}

		var heard atomic.Int64
		s, err := cache.NewScope(p, name, &cache.Options{OnError: func(err error) {
			if errors.Is(err, cache.ErrCodec) {
				heard.Add(1)
			}
		}})
		w.must("NewScope", err)
		for i := range int64(2) {
			v, err := s.Get(w.ctx, "b", func(context.Context, string) (Hidden, error) { return Hidden{"y"}, nil })
			w.until(func() bool { return heard.Load() > i })
			if err != nil || v != (Hidden{"y"}) || heard.Load() != i+1 {
				w.Errorf("read %d of what the codec loses gave %+v, %v, and OnError heard of it %d times", i+1, v, err, heard.Load())
			}
		}
	},
}}
