package rediscache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
	"github.com/slokeep/slokeep/cache/cachetest"
)

func TestProviderKeepsTheLawsOnRedis(t *testing.T) {
	needServer(t)
	cachetest.Run(t, harness(func(testing.TB) string { return address() }))
}

func TestProviderKeepsTheLawsOnMiniredis(t *testing.T) {
	h := harness(startMiniWithClock)
	h.Grain = 500 * time.Millisecond // its clock is a goroutine, which runs late on a busy machine
	cachetest.Run(t, h)
}

// harness gives the suite two clients of a server, each with a line that can be cut.
func harness(server func(testing.TB) string) cachetest.Harness {
	type end struct {
		line   *line
		forget func()
		spoil  func(scope, key string) error
	}
	ends := map[cache.Provider[cachetest.Value]]end{}
	return cachetest.Harness{
		Open: func(t testing.TB) (a, b cache.Provider[cachetest.Value]) {
			addr := server(t)
			admin := connect(t, addr)
			prefix := newPrefix(t, admin)
			make := func() cache.Provider[cachetest.Value] {
				l := &line{}
				p := open[cachetest.Value](t, l.client(t, addr), prefix)
				ends[p] = end{
					line:   l,
					forget: func() { forget(t, admin, prefix) },
					spoil: func(scope, key string) error {
						name := fmt.Sprintf("%s{%s}v:%s", prefix, scope, key)
						data, err := admin.Get(t.Context(), name).Bytes()
						if err != nil {
							data = []byte("nothing was there")
						}
						return admin.Set(t.Context(), name, data[:len(data)-1], 0).Err()
					},
				}
				return p
			}
			return make(), make()
		},
		Fenced: true, Prefixed: true,
		Forget: func(_ testing.TB, p cache.Provider[cachetest.Value]) { ends[p].forget() },
		Break:  func(_ testing.TB, p cache.Provider[cachetest.Value]) func() { return ends[p].line.cutOff() },
		Spoil: func(t testing.TB, p cache.Provider[cachetest.Value], scope, key string) {
			must(t, ends[p].spoil(scope, key))
		},
		Lossy: func(t testing.TB) cache.Provider[cachetest.Hidden] {
			client := connect(t, server(t))
			return open[cachetest.Hidden](t, client, newPrefix(t, client))
		},
	}
}
