package cachetest

import (
	"sync"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

func TestAFencedProviderKeepsTheLaws(t *testing.T) {
	Run(t, broken{}.harness())
}

func TestAProviderThatIsNotLocalKeepsTheLaws(t *testing.T) {
	h := broken{}.harness()
	h.Local = false
	Run(t, h)
}

func TestAMemoryThatIsNotLocalKeepsTheLaws(t *testing.T) {
	h := memory(nil)
	h.Local = false
	h.Grain = 500 * time.Millisecond // its clock is a goroutine, which a busy machine may hold up
	Run(t, h)
}

func TestABoundedMemoryKeepsTheLaws(t *testing.T) {
	h := memory(&cache.MemoryOptions[Value]{MaxEntries: 100})
	h.Keeps = 100
	Run(t, h)
}

func memory(opts *cache.MemoryOptions[Value]) Harness {
	return Harness{
		Open: func(t testing.TB) (a, b cache.Provider[Value]) {
			m, err := cache.NewMemory(opts)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = m.Close() })
			return m, m
		},
		Prefixed: true, Local: true,
	}
}

// TestAProviderThatIsNeitherFencedNorPrefixedKeepsTheLaws takes the least that there is.
func TestAProviderThatIsNeitherFencedNorPrefixedKeepsTheLaws(t *testing.T) {
	Run(t, Harness{
		Open: func(testing.TB) (a, b cache.Provider[Value]) {
			p := struct {
				sync.Locker
				cache.Provider[Value]
			}{new(sync.Mutex), &end[Value]{store: newStore[Value]("")}}
			return p, p
		},
		Local: true,
	})
}
