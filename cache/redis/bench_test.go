package rediscache_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/slokeep/slokeep/cache"
)

// account is a value of an ordinary size.
type account struct {
	ID, Name, Mail string
	Roles          []string
	Logins         int
}

// A hit is measured beside a plain GET with the same codec, in turns, so that both see the same machine. The medians of
// both, and how many times the hit takes as long, are reported.
func BenchmarkHitBesideGet(b *testing.B) {
	client := needServer(b)
	p, prefix := newProvider[account](b, client)
	s := newScope(b, p, scopeName, nil)
	ctx := b.Context()
	v := account{"42", "Ada Lovelace", "ada@example.org", []string{"admin", "user"}, 7}
	data, err := json.Marshal(v)
	must(b, err)
	must(b, client.Set(ctx, prefix+"plain", data, time.Hour).Err())
	plain := func() {
		data, err := client.Get(ctx, prefix+"plain").Bytes()
		must(b, err)
		var got account
		must(b, json.Unmarshal(data, &got))
	}
	hit := func() {
		_, err := s.Get(ctx, "42", func(context.Context, string) (account, error) { return v, nil })
		must(b, err)
	}
	took := make([][]time.Duration, 2)
	for b.Loop() {
		for _, i := range []int{0, 1, 1, 0} {
			began := time.Now()
			[]func(){plain, hit}[i]()
			took[i] = append(took[i], time.Since(began))
		}
	}
	get, hits := median(took[0]), median(took[1])
	b.ReportMetric(float64(get.Nanoseconds()), "get-ns")
	b.ReportMetric(float64(hits.Nanoseconds()), "hit-ns")
	b.ReportMetric(float64(hits)/float64(get), "hit/get")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func BenchmarkGetMany100(b *testing.B) {
	client := needServer(b)
	p, _ := newProvider[account](b, client)
	s := newScope(b, p, scopeName, nil)
	keys := keysOf("eu:%d", 100)
	loadAll := func(_ context.Context, keys []string, found func(string, account)) error {
		for _, key := range keys {
			found(key, account{ID: key, Name: "Ada Lovelace", Mail: "ada@example.org"})
		}
		return nil
	}
	b.ReportAllocs()
	for b.Loop() {
		must(b, s.GetMany(b.Context(), keys, loadAll, func(string, account) {}))
	}
}

func BenchmarkMiss(b *testing.B) {
	client := needServer(b)
	p, _ := newProvider[account](b, client)
	s := newScope(b, p, scopeName, &cache.Options{TTL: time.Minute})
	b.ReportAllocs()
	for b.Loop() {
		must(b, s.Invalidate(b.Context(), "42"))
		_, err := s.Get(b.Context(), "42", func(context.Context, string) (account, error) { return account{}, nil })
		must(b, err)
	}
}
