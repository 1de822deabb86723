package rediscache_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slokeep/slokeep/cache"
	rediscache "github.com/slokeep/slokeep/cache/redis"
)

const scopeName = "users:"

func item[V any](key string, v V) cache.Item[V] {
	return cache.Item[V]{Key: key, Entry: cache.Entry[V]{Value: v}, TTL: time.Minute}
}

// look reads one key, and returns its value, nil if there is none, or its token.
func look[V any](t testing.TB, p *rediscache.Provider[V], key string) (v *V, token cache.Token, err error) {
	t.Helper()
	err = p.GetFenced(t.Context(), scopeName, []string{key},
		func(_ int, e cache.Entry[V]) { v = &e.Value },
		func(_ int, t cache.Token) { token = t })
	if err == nil && (v == nil) == (token == "") {
		t.Fatalf("GetFenced of %q gave the value %v and the token %q", key, v, token)
	}
	return v, token, err
}

func TestWhatIsNotAsItWasStoredIsUnreadable(t *testing.T) {
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		p, prefix := newProvider[string](t, client)
		const key = "eu:7"
		must(t, p.Set(t.Context(), scopeName, []cache.Item[string]{item(key, "value")}))
		name := prefix + "{users:}v:" + key
		whole, err := client.Get(t.Context(), name).Bytes()
		must(t, err)

		unreadable := func(what string, at int, data []byte) {
			t.Helper()
			must(t, client.Set(t.Context(), name, data, time.Minute).Err())
			v, token, err := look(t, p, key)
			if v != nil || token == "" || !errors.Is(err, cache.ErrUnreadable) {
				t.Fatalf("%s %d: found %v, token %q, error %v: want a token and ErrUnreadable", what, at, v, token, err)
			}
		}
		for n := 1; n < len(whole); n++ {
			unreadable("torn after byte", n, whole[:n])
			unreadable("without the first bytes", n, whole[n:])
		}
		for bit := range 8 * len(whole) {
			data := slices.Clone(whole)
			data[bit/8] ^= 1 << (bit % 8)
			unreadable("with another bit", bit, data)
		}
		unreadable("with bytes after it", 1, append(slices.Clone(whole), 0))
		unreadable("all zeroes", 40, make([]byte, 40))

		must(t, client.Set(t.Context(), name, whole, time.Minute).Err())
		if v, _, err := look(t, p, key); v == nil || *v != "value" || err != nil {
			t.Errorf("the entry as it was: %v, %v", v, err)
		}
	})
}

func TestAnEntryOfAnotherCodecIsUnreadable(t *testing.T) {
	client := connect(t, startMini(t))
	p, prefix := newProvider[string](t, client)
	must(t, p.Set(t.Context(), scopeName, []cache.Item[string]{item("a", "no JSON of a number")}))
	if v, _, err := look(t, open[int](t, client, prefix), "a"); v != nil || !errors.Is(err, cache.ErrUnreadable) {
		t.Errorf("found %v, error %v: want ErrUnreadable", v, err)
	}
}

// An entry that a stranger brings to another place is not that place's, though all its numbers are good there.
func TestAnEntryUnderAnotherNameIsUnreadable(t *testing.T) {
	ctx := context.Background()
	ways := map[string]func(c *redis.Client, from, to string) error{
		"a copy":   func(c *redis.Client, from, to string) error { return c.Copy(ctx, from, to, 0, true).Err() },
		"a rename": func(c *redis.Client, from, to string) error { return c.Rename(ctx, from, to).Err() },
	}
	type place struct{ scope, key string }
	places := map[string][2]place{
		"another key":               {{"users:", "a"}, {"users:", "b"}},
		"another key of its prefix": {{"users:", "eu:a"}, {"users:", "eu:b"}},
		"a key with more prefixes":  {{"users:", "a"}, {"users:", "a:b"}},
		"a key with fewer":          {{"users:", "a:b"}, {"users:", "a"}},
		"its key in another scope":  {{"users:", "a"}, {"carts:", "a"}},
		"where both make one text":  {{"a:", "b:c"}, {"a:b:", "c"}},
	}
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		for way, bring := range ways {
			for where, at := range places {
				t.Run(way+" to "+where, func(t *testing.T) {
					p, prefix := newProvider[string](t, client)
					from, to := at[0], at[1]
					name := func(pl place) string { return prefix + "{" + pl.scope + "}v:" + pl.key }
					generation := func(pl place) string { return prefix + "{" + pl.scope + "}p:" }
					must(t, p.Set(ctx, from.scope, []cache.Item[string]{item(from.key, "from")}))
					must(t, p.Set(ctx, to.scope, []cache.Item[string]{item(to.key, "to")}))
					must(t, client.Set(ctx, generation(to), client.Get(ctx, generation(from)).Val(), time.Minute).Err())
					must(t, bring(client, name(from), name(to)))
					found, missed := 0, 0
					err := p.GetFenced(ctx, to.scope, []string{to.key},
						func(int, cache.Entry[string]) { found++ }, func(int, cache.Token) { missed++ })
					if found != 0 || missed != 1 || !errors.Is(err, cache.ErrUnreadable) {
						t.Errorf("found %d, missed %d, error %v: want a miss and ErrUnreadable", found, missed, err)
					}
				})
			}
		}
	})
}

func TestOneErrorSpeaksForAllUnreadableEntriesOfABatch(t *testing.T) {
	client := connect(t, startMini(t))
	p, prefix := newProvider[string](t, client)
	keys := []string{"a", "b", "c", "d"}
	must(t, p.Set(t.Context(), scopeName, []cache.Item[string]{item("b", "b")}))
	for _, key := range []string{"a", "c", "d"} {
		must(t, client.Set(t.Context(), prefix+"{users:}v:"+key, "torn", time.Minute).Err())
	}
	var found, missed []int
	err := p.GetFenced(t.Context(), scopeName, keys,
		func(i int, _ cache.Entry[string]) { found = append(found, i) },
		func(i int, _ cache.Token) { missed = append(missed, i) })
	if !errors.Is(err, cache.ErrUnreadable) || !strings.Contains(err.Error(), `"a"`) || !strings.Contains(err.Error(), "3 in all") {
		t.Errorf("got %v, want ErrUnreadable of \"a\" and 3 in all", err)
	}
	if !slices.Equal(found, []int{1}) || !slices.Equal(missed, []int{0, 2, 3}) {
		t.Errorf("found %v, missed %v", found, missed)
	}
}

// Each of the keys that are on the server for one of a scope may be overwritten by a stranger, with anything.
func TestStrangersKeysAreReplacedAndLetNothingStaleIn(t *testing.T) {
	const key = "eu:7"
	strangers := map[string]func(client *redis.Client, name string) error{
		"a list":             func(c *redis.Client, name string) error { return c.RPush(context.Background(), name, "x").Err() },
		"a hash":             func(c *redis.Client, name string) error { return c.HSet(context.Background(), name, "x", 1).Err() },
		"nothing":            func(*redis.Client, string) error { return nil },
		"an empty text":      set(""),
		"a text":             set("x"),
		"a fraction":         set("1.5"),
		"a negative number":  set("-1"),
		"a number":           set("7"),
		"zeroes before one":  set("007"),
		"the largest number": set("9223372036854775807"),
		"a larger one":       set("9999999999999999999"),
		"a much larger one":  set("99999999999999999999999"),
	}
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		for what, put := range strangers {
			for _, at := range []string{"v:" + key, "m:" + key, "p:", "p:eu:"} {
				t.Run(what+" in place of "+at, func(t *testing.T) {
					p, prefix := newProvider[string](t, client)
					_, before, err := look(t, p, key)
					must(t, err)
					must(t, p.Set(t.Context(), scopeName, []cache.Item[string]{item(key, "old")}))
					overwrite := func() {
						t.Helper()
						must(t, client.Del(t.Context(), prefix+"{users:}"+at).Err())
						must(t, put(client, prefix+"{users:}"+at))
					}
					setIf := func(v string, token cache.Token) int {
						t.Helper()
						it := item(key, v)
						it.Token = token
						stored, err := p.SetIf(t.Context(), scopeName, []cache.Item[string]{it})
						must(t, err)
						return stored
					}
					missed := func() cache.Token {
						t.Helper()
						v, token, err := look(t, p, key)
						if v != nil || token == "" || err != nil && !errors.Is(err, cache.ErrUnreadable) {
							t.Fatalf("found %v, token %q, error %v: want a token", v, token, err)
						}
						return token
					}

					overwrite()
					if !strings.HasPrefix(at, "m:") { // without a marker the entry is still good
						token := missed()
						if at != "v:"+key && setIf("old", before) > 0 {
							t.Error("a token from before was good")
						}
						if setIf("new", token) != 1 {
							t.Error("the token of the miss was not good")
						}
					}
					overwrite()
					must(t, p.Delete(t.Context(), scopeName, []string{key}))
					token := missed()
					overwrite()
					must(t, p.DeletePrefix(t.Context(), scopeName, "eu:"))
					must(t, p.DeletePrefix(t.Context(), scopeName, ""))
					if setIf("old", before) > 0 || setIf("old", token) > 0 {
						t.Error("a token from before a DeletePrefix was good")
					}
					if setIf("new", missed()) != 1 {
						t.Error("the token of the last miss was not good")
					}
					if v, _, err := look(t, p, key); v == nil || *v != "new" || err != nil {
						t.Errorf("found %v, error %v: want new", v, err)
					}
					expires(t, client, prefix)
				})
			}
		}
	})
}

func set(text string) func(*redis.Client, string) error {
	return func(c *redis.Client, name string) error { return c.Set(context.Background(), name, text, 0).Err() }
}

// expires checks that all keys with a prefix expire, and that numbers do so no earlier than the last entry of their scope.
func expires(t testing.TB, client *redis.Client, prefix string) {
	t.Helper()
	var entries, numbers time.Duration = 0, 1 << 62
	for _, name := range names(t, client, prefix) {
		ttl, err := client.PTTL(t.Context(), name).Result()
		must(t, err)
		switch {
		case ttl == -1:
			t.Errorf("%s does not expire", name)
		case strings.Contains(name, "}v:"):
			entries = max(entries, ttl)
		case strings.Contains(name, "}p:"):
			numbers = min(numbers, ttl)
		}
	}
	if numbers < entries-time.Second {
		t.Errorf("a generation expires in %v, an entry in %v", numbers, entries)
	}
}

// hiding is a struct that JSON does not see.
type hiding struct {
	Name   string
	hidden int
}

func TestWhatCannotBeStoredIsRefusedAlone(t *testing.T) {
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		p, _ := newProvider[hiding](t, client)
		ctx := t.Context()
		must(t, p.Set(ctx, scopeName, []cache.Item[hiding]{item("b", hiding{Name: "before"})}))
		_, token, err := look(t, p, "a")
		must(t, err)
		must(t, p.Delete(ctx, scopeName, []string{"c"}))
		items := []cache.Item[hiding]{item("a", hiding{Name: "a"}), item("b", hiding{Name: "b", hidden: 1}), item("c", hiding{Name: "c"})}
		if err := p.Set(ctx, scopeName, items); !errors.Is(err, cache.ErrCodec) || !strings.Contains(err.Error(), `"b"`) {
			t.Errorf("got %v, want ErrCodec of \"b\"", err)
		}
		for key, want := range map[string]bool{"a": true, "b": false, "c": true} {
			if v, _, err := look(t, p, key); (v != nil) != want || err != nil {
				t.Errorf("under %q there is %v, %v: want something: %t", key, v, err, want)
			}
		}
		lost := item("a", hiding{hidden: 1})
		lost.Token = token
		if stored, err := p.SetIf(ctx, scopeName, []cache.Item[hiding]{lost}); stored != 0 || !errors.Is(err, cache.ErrCodec) {
			t.Errorf("stored %d, %v: want 0, ErrCodec", stored, err)
		}
		if v, _, _ := look(t, p, "a"); v != nil {
			t.Errorf("what was refused has left %v", v)
		}
		must(t, p.Set(ctx, scopeName, items[:1]))
		must(t, p.Delete(ctx, scopeName, []string{"a"}))
		_, newer, err := look(t, p, "a")
		must(t, err)
		items[0].Token = newer
		if _, err := p.SetIf(ctx, scopeName, items[:1]); err != nil {
			t.Fatal(err)
		}
		if _, err := p.SetIf(ctx, scopeName, []cache.Item[hiding]{lost}); !errors.Is(err, cache.ErrCodec) {
			t.Errorf("got %v, want ErrCodec", err)
		}
		if v, _, _ := look(t, p, "a"); v == nil {
			t.Error("what was refused, with a token from before, has removed what is newer")
		}
	})
}

func TestATokenOfAnotherKindStoresNothing(t *testing.T) {
	onEachServer(t, func(t *testing.T, client *redis.Client) {
		p, _ := newProvider[string](t, client)
		const key = "eu:7"
		_, good, err := look(t, p, key)
		must(t, err)
		_, short, err := look(t, p, "7")
		must(t, err)
		marker, rest, _ := strings.Cut(string(good), ".")
		for _, token := range []cache.Token{
			"", "x", ".", "..", "1.2.3", short, good + ".1", good + "x", " " + good, good[1:], "0" + good, "-" + good,
			cache.Token(marker), cache.Token(rest), cache.Token("." + rest), cache.Token(marker + ".," + rest), cache.Token(rest + "." + marker),
		} {
			it := item(key, "v")
			it.Token = token
			stored, err := p.SetIf(t.Context(), scopeName, []cache.Item[string]{it})
			if v, _, _ := look(t, p, key); stored != 0 || err != nil || v != nil {
				t.Errorf("with the token %q, where %q is good: stored %d, %v, found %v", token, good, stored, err, v)
			}
		}
		it := item(key, "v")
		it.Token = good
		if stored, err := p.SetIf(t.Context(), scopeName, []cache.Item[string]{it}); stored != 1 || err != nil {
			t.Errorf("with the good one: stored %d, %v", stored, err)
		}
	})
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	client := connect(t, startMini(t))
	p, _ := newProvider[[]byte](t, client)
	err := p.Set(t.Context(), scopeName, []cache.Item[[]byte]{item("a", make([]byte, rediscache.MaxEntry)), item("b", []byte("b"))})
	if !errors.Is(err, rediscache.ErrTooLarge) || errors.Is(err, cache.ErrCodec) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if v, _, err := look(t, p, "b"); v == nil || err != nil {
		t.Errorf("the other item: %v, %v", v, err)
	}
}

func TestBytesAreKeptAsTheyAre(t *testing.T) {
	client := connect(t, startMini(t))
	p, prefix := newProvider[[]byte](t, client)
	for _, v := range [][]byte{nil, {}, {0}, []byte("{"), bytes.Repeat([]byte{0xff}, 1<<20)} {
		must(t, p.Set(t.Context(), scopeName, []cache.Item[[]byte]{item("a", v)}))
		if got, _, err := look(t, p, "a"); err != nil || got == nil || !bytes.Equal(*got, v) {
			t.Errorf("%d bytes do not come back: %v", len(v), err)
		}
		data, err := client.Get(t.Context(), prefix+"{users:}v:a").Bytes()
		must(t, err)
		if !bytes.HasSuffix(data, v) || len(data) != len(v)+19 {
			t.Errorf("%d bytes are %d on the server", len(v), len(data))
		}
	}
}

// A generation that is gone is none, also for what was stored under a stranger's 0.
func TestAGenerationThatIsGoneIsNot0(t *testing.T) {
	client := connect(t, startMini(t))
	p, prefix := newProvider[string](t, client)
	must(t, client.Set(t.Context(), prefix+"{users:}p:", "0", time.Minute).Err())
	must(t, p.Set(t.Context(), scopeName, []cache.Item[string]{item("a", "v")}))
	must(t, client.Del(t.Context(), prefix+"{users:}p:").Err())
	if v, _, err := look(t, p, "a"); v != nil || err != nil {
		t.Errorf("found %v, %v: want nothing", v, err)
	}
}
