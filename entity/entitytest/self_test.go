package entitytest

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/failtest"
)

// In short mode it is not asked that the other laws hold.
func TestEachLawOfALogCanBeBrokenAlone(t *testing.T) {
	var found []string
	for _, b := range slices.Concat(brokenTransactions, brokenHeads, brokenFeeds, brokenTables) {
		found = append(found, b.law)
		t.Run(b.law, func(t *testing.T) {
			t.Parallel()
			want := append([]string{b.law}, b.also...)
			var got []string
			for _, l := range logLaws() {
				others := !b.wide && !testing.Short() && !slices.Contains(b.perhaps, l.name)
				if !l.applies(!b.unshared) || !others && !slices.Contains(want, l.name) {
					continue
				}
				failed, said := verdict(t, l, b)
				if !failed {
					continue
				}
				got = append(got, l.name)
				if l.name == b.law && !strings.Contains(said, l.why) {
					t.Errorf("the failure does not say the law:\n%s", said)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("the laws that fail are\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
	var names []string
	for _, l := range logLaws() {
		names = append(names, l.name)
	}
	slices.Sort(names)
	slices.Sort(found)
	if !slices.Equal(names, found) {
		t.Errorf("the laws are\n\t%s\nand broken Logs are there for\n\t%s", strings.Join(names, "\n\t"), strings.Join(found, "\n\t"))
	}
}

// verdict runs a law on a broken Log, in a bubble, where time costs nothing.
func verdict(t *testing.T, l law, b broken) (failed bool, said string) {
	synctest.Test(t, func(t *testing.T) {
		failed, said = failtest.Run(t, func(t testing.TB) { l.run(t, LogHarness{Open: func(testing.TB) entity.Log { return b.open() }}) })
	})
	return failed, said
}
