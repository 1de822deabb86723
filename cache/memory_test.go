package cache_test

import (
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/cache/cachetest"
)

func TestMemoryKeepsTheLaws(t *testing.T) {
	cachetest.Run(t, cachetest.Harness{
		Open: func(t testing.TB) (a, b cache.Provider[cachetest.Value]) {
			m, err := cache.NewMemory[cachetest.Value](nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.Close() })
			return m, m
		},
		Prefixed: true, Local: true, Grain: 25 * time.Millisecond,
	})
}
