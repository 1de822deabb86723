package entity_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

// Account has a secret, and one deeper inside.
type Account struct {
	Owner    string            `json:"owner"`
	Token    string            `json:"token"`
	Metadata map[string]string `json:"metadata"`
	Score    float64           `json:"score"`
}

func account(token string) Account {
	return Account{Owner: "alice", Token: token, Metadata: map[string]string{"token": token, "plan": "gold"}}
}

// mask hides what must not be seen.
func mask(_ context.Context, a *Account) error {
	a.Token = "***"
	if a.Metadata["token"] != "" {
		a.Metadata["token"] = "***"
	}
	return nil
}

// secrets reports whether anything that a Log delivers, or shows of what was published, has a secret in it.
func secrets(t *testing.T, log entity.Log) bool {
	t.Helper()
	leaked := false
	look := func(states ...any) {
		for _, s := range states {
			leaked = leaked || strings.Contains(inJSON(t, s), "s3cr3t")
		}
	}
	for c, err := range log.Changes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		look(c.Prev, c.Next)
	}
	for head, err := range log.Heads(t.Context(), "thing", nil) {
		if err != nil {
			t.Fatal(err)
		}
		look(head.Published)
	}
	return leaked
}

func TestSecretsAreNotInAChange(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld(t, log, &entity.KindOptions[Account]{Redact: mask})
		w.put("old", account("s3cr3t-0"))
		w.mutate("old", account("s3cr3t-1"))
		w.put("seen", account("s3cr3t-0"))
		if err := w.h.Refresh(t.Context(), "seen"); err != nil {
			t.Fatal(err)
		}
		w.mutate("seen", account("s3cr3t-2"))
		c := w.mutate("a", account("s3cr3t-1"))
		masked := account("***")
		if diff := cmp.Diff(&masked, c.Next); diff != "" {
			t.Errorf("what Mutate returned (-want +got):\n%s", diff)
		}
		// A new secret is a change, whose states look the same.
		c = w.mutate("a", account("s3cr3t-2"))
		if diff := cmp.Diff([]string{"metadata", "token"}, c.Fields); diff != "" || c.Version != 2 {
			t.Errorf("version %d, fields (-want +got):\n%s", c.Version, diff)
		}
		if diff := cmp.Diff(c.Prev, c.Next); diff != "" {
			t.Errorf("prev and next:\n%s", diff)
		}
		if c := w.mutate("a", account("s3cr3t-2")); c.Version != 0 {
			t.Errorf("the same secret again: %v", c.Fields)
		}
		w.remove("a")
		delivered := w.delivered()
		if len(delivered) != 5 {
			t.Errorf("%d changes were delivered, want 5", len(delivered))
		}
		for _, c := range delivered {
			if strings.Contains(inJSON(t, c), "s3cr3t") {
				t.Errorf("a secret was delivered: %s", inJSON(t, c))
			}
		}
		if secrets(t, log) {
			t.Error("a secret is in the Log")
		}
		w.mutate("a", account("s3cr3t-3"))
		// The host itself sees it, and so does whoever asks the host.
		if got, err := w.h.Get(t.Context(), "a"); err != nil || got.Token != "s3cr3t-3" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

// The test above could not fail if it looked in the wrong place.
func TestSecretsAreInAChangeWithoutARedactor(t *testing.T) {
	bothLogs(t, func(t *testing.T, log entity.Log) {
		w := newWriteWorld[Account](t, log, nil)
		w.mutate("a", account("s3cr3t"))
		if !secrets(t, log) || !strings.Contains(inJSON(t, w.delivered()), "s3cr3t") {
			t.Error("no secret was found")
		}
	})
}

func TestTheRedactorGetsTheWritersContext(t *testing.T) {
	type runKey struct{}
	w := newWriteWorld(t, nil, &entity.KindOptions[Account]{Redact: func(ctx context.Context, a *Account) error {
		if secret, ok := ctx.Value(runKey{}).(string); ok {
			a.Token = strings.ReplaceAll(a.Token, secret, "***")
		}
		return nil
	}})
	ctx := context.WithValue(t.Context(), runKey{}, "s3cr3t")
	c, err := w.h.Mutate(ctx, "a", w.set("a", account("id s3cr3t")), nil)
	if err != nil || c.Next.Token != "id ***" {
		t.Errorf("in a run with a secret: %+v, %v", c.Next, err)
	}
	if c := w.mutate("b", account("id s3cr3t")); c.Next.Token != "id s3cr3t" {
		t.Errorf("in one without: %+v", c.Next)
	}
}

func TestRedactorsThatFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		redact func(context.Context, *Account) error
		want   error
		text   string
	}{
		{"with an error", func(context.Context, *Account) error { return errHost }, errHost, "redact a state of thing"},
		{"with a panic", func(context.Context, *Account) error { panic(errPanic) }, errPanic, "redact a state of thing"},
		{"by making a state that cannot be encoded", func(_ context.Context, a *Account) error {
			a.Score = math.NaN()
			return nil
		}, entity.ErrInvalid, "redacted state of thing: field score: NaN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := false
			w := newWriteWorld(t, nil, &entity.KindOptions[Account]{Redact: func(ctx context.Context, a *Account) error {
				if bad {
					return c.redact(ctx, a)
				}
				return mask(ctx, a)
			}})
			w.mutate("a", account("s3cr3t"))
			bad = true
			_, err := w.h.Mutate(t.Context(), "a", w.set("a", account("s3cr3t-2")), nil)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v, saying %q", err, c.want, c.text)
			}
			w.put("seen", account("s3cr3t"))
			if err := w.h.Refresh(t.Context(), "seen"); !errors.Is(err, c.want) {
				t.Errorf("Refresh: got %v", err)
			}
			bad = false
			if n := len(w.delivered()); n != 1 || w.version("a") != 1 {
				t.Errorf("%d changes were delivered, the version is %d", n, w.version("a"))
			}
			if c := w.mutate("a", account("s3cr3t-3")); c.Version != 2 || c.Prev.Token != "***" {
				t.Errorf("the next change is %+v", c)
			}
		})
	}
}

// What the head keeps is the whole state: it is what two secrets are told apart by.
func TestTheHeadKeepsTheSecret(t *testing.T) {
	log := newBytesLog()
	w := newWriteWorld(t, log, &entity.KindOptions[Account]{Redact: mask})
	w.mutate("a", account("s3cr3t"))
	for head, err := range log.Heads(t.Context(), "thing", []string{"a"}) {
		if err != nil || !strings.Contains(string(head.State.(json.RawMessage)), "s3cr3t") {
			t.Errorf("the head's state is %s, %v", head.State, err)
		}
	}
}
