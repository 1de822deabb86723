package cachetest

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slokeep/slokeep/internal/failtest"
)

// broken is a Provider or a Scope with one fault.
type broken struct {
	law       string
	also      []string // laws that cannot hold with this fault either
	fault     string   // of the store
	twist     func(t *twist, end int)
	harnessed func(h *Harness)
	scope     func(t *scopeTwist)
}

func TestEachLawCanBeBrokenAlone(t *testing.T) {
	var found, all []string
	for _, b := range slices.Concat(brokenEntries, brokenTokens, brokenInvalidations, brokenScopes) {
		found = append(found, b.law)
		t.Run(b.law, func(t *testing.T) {
			want := append([]string{b.law}, b.also...)
			var got []string
			for _, l := range laws() {
				if testing.Short() && !slices.Contains(want, l.name) {
					continue // in short mode it is not asked that the others hold
				}
				failed, said := verdict(t, l, b)
				if !failed {
					continue
				}
				got = append(got, l.name)
				if !strings.Contains(said, l.why) {
					t.Errorf("the failure does not say the law:\n%s", said)
				}
				if !slices.Contains(want, l.name) {
					t.Log(said)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the laws that fail are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
	for _, l := range laws() {
		all = append(all, l.name)
	}
	slices.Sort(all)
	slices.Sort(found)
	if !slices.Equal(all, found) {
		t.Errorf("the laws are\n\t%s\nand fakes are broken for\n\t%s", strings.Join(all, "\n\t"), strings.Join(found, "\n\t"))
	}
}

// verdict runs a law on a broken fake.
func verdict(t *testing.T, l law, b broken) (failed bool, said string) {
	synctest.Test(t, func(t *testing.T) {
		failed, said = failtest.Run(t, func(t testing.TB) { l.run(t, b.harness()) })
	})
	return failed, said
}

func TestAProviderThatIsNotWhatItsHarnessSaysFails(t *testing.T) {
	for _, change := range []func(h *Harness){
		func(h *Harness) { h.Fenced = false },
		func(h *Harness) { h.Prefixed = false },
	} {
		failed, said := verdict(t, entryLaws[0], broken{harnessed: change})
		if !failed || !strings.Contains(said, "the Harness says") {
			t.Errorf("a fenced and prefixed Provider, whose Harness says something else: failed: %t, %s", failed, said)
		}
	}
}
