package entity_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slokeep/slokeep/entity"
)

func TestDeclareNonReactiveWritesDownWhatWasDeclared(t *testing.T) {
	reg := newRegistry(t, nil)
	if got := reg.NonReactive(); len(got) != 0 {
		t.Errorf("at first: %v", got)
	}
	want := []entity.NonReactive{
		{Table: "samples", Reason: entity.RawSample, Note: "a row a second"},
		{Table: "api_keys", Reason: entity.Sensitive},
		{Table: "tickets", Reason: entity.ExternallyOwned, Note: "synced"},
		{Table: "jobs", Reason: entity.Bookkeeping},
	}
	for range 2 { // a second time says nothing new
		for _, n := range want {
			if err := reg.DeclareNonReactive(n.Table, n.Reason, n.Note); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := reg.NonReactive()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("declared (-want +got):\n%s", diff)
	}
	got[0].Table = "changed by the caller"
	if diff := cmp.Diff(want, reg.NonReactive()); diff != "" {
		t.Errorf("the slice is not the caller's own (-want +got):\n%s", diff)
	}
}

func TestDeclareNonReactiveRefuses(t *testing.T) {
	reg := newRegistry(t, nil)
	if err := reg.DeclareNonReactive("samples", entity.RawSample, "a note"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, table string
		reason      entity.Reason
		note        string
		want        error
		text        string
	}{
		{"no table", "", entity.Sensitive, "", entity.ErrInvalid, "table"},
		{"a blank table", "  ", entity.Sensitive, "", entity.ErrInvalid, "not blank"},
		{"no reason", "t", "", "", entity.ErrInvalid, `reason ""`},
		{"an unknown reason", "t", "laziness", "", entity.ErrInvalid, "raw-sample, sensitive, externally-owned or bookkeeping"},
		{"another reason", "samples", entity.Bookkeeping, "a note", entity.ErrConflict, "was declared raw-sample: a note"},
		{"another note", "samples", entity.RawSample, "", entity.ErrConflict, `"samples"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := reg.DeclareNonReactive(c.table, c.reason, c.note)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v, saying %q", err, c.want, c.text)
			}
			if n := len(reg.NonReactive()); n != 1 {
				t.Errorf("%d tables are declared", n)
			}
		})
	}
}
