package rediscache_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
)

func TestOnACluster(t *testing.T) {
	server := startPrivate(t, "--cluster-enabled", "yes")
	admin := connect(t, server.addr())
	must(t, admin.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	await(t, "a cluster", func() bool {
		info, err := admin.ClusterInfo(t.Context()).Result()
		return err == nil && strings.HasPrefix(info, "cluster_state:ok")
	})
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.addr()}})
	t.Cleanup(func() { _ = client.Close() })
	p := open[string](t, client, "c:")
	for i, name := range []string{"users:", "}{:", "{}:", "a}:", "{a:"} {
		s := newScope(t, p, name, &cache.Options{OnError: func(err error) { t.Error(err) }})
		keys := keysOf("a{%d}:b", 400)
		for range 2 {
			found := 0
			must(t, s.GetMany(t.Context(), keys, loadMany, func(key, v string) {
				if v == "v "+key {
					found++
				}
			}))
			if found != len(keys) {
				t.Errorf("found %d of %d", found, len(keys))
			}
		}
		if stats := s.Stats(); stats.Hits != 400 || stats.Loads != 1 {
			t.Errorf("in scope %d: %+v, want 1 load and 400 hits", i, stats)
		}
		must(t, s.Invalidate(t.Context(), keys[:100]...))
		must(t, s.InvalidatePrefix(t.Context(), "a{200}:"))
		must(t, s.GetMany(t.Context(), keys, func(_ context.Context, missing []string, _ func(string, string)) error {
			if len(missing) != 101 {
				return fmt.Errorf("%d are missing", len(missing))
			}
			return nil
		}, func(string, string) {}))
		slots := map[int64]bool{}
		for _, name := range names(t, admin, "c:") {
			slots[admin.ClusterKeySlot(t.Context(), name).Val()] = true
		}
		if len(slots) != i+1 {
			t.Errorf("the keys of %d scopes are in %d slots", i+1, len(slots))
		}
	}
}
