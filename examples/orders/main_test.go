package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecondRunGoesOnWithTheVersions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	for i, first := range []int{1, 7} {
		var out bytes.Buffer
		if err := run(t.Context(), &out, path); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(afternoon(first), out.String()); diff != "" {
			t.Errorf("run %d (-want +got):\n%s", i+1, diff)
		}
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	if err := run(t.Context(), new(bytes.Buffer), ""); err != nil {
		t.Fatal(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// afternoon is what a run prints whose first change has this Version.
func afternoon(first int) string {
	return fmt.Sprintf(`ann begins an order
  order o-1, version %d, by user ann: none -> open, items: 0, 0.00 [cents items status]
ann adds a kettle
  order o-1, version %d, by user ann: open, items: 0, 0.00 -> open, items: 1, 45.00 [cents items]
ann adds tea
  order o-1, version %d, by user ann: open, items: 1, 45.00 -> open, items: 2, 52.50 [cents items]
ann adds a golden teapot
  rolled back: more than 500.00 must be asked for by telephone
ann pays
  order o-1, version %d, by user ann: open, items: 2, 52.50 -> paid, items: 2, 52.50 [status]
  order o-1, version %d, by warehouse: paid, items: 2, 52.50 -> packed, items: 2, 52.50 [status]
ann pays again
  nothing changed
the shop deletes the order
  order o-1, version %d, by system: packed, items: 2, 52.50 -> none [cents items status]
`, first, first+1, first+2, first+3, first+4, first+5)
}
