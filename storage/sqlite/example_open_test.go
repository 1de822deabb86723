package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// An Engine on a file finds what the one before it was told.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "sqlite")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	use := func(f func(e *engine.Engine) error) {
		store, err := sqlite.Open(ctx, filepath.Join(dir, "slo.db"), nil)
		if err != nil {
			panic(err)
		}
		defer func() { _ = store.Close() }()
		e, err := engine.New(store, nil)
		if err != nil {
			panic(err)
		}
		defer func() { _ = e.Close() }()
		if err := f(e); err != nil {
			panic(err)
		}
	}
	use(func(e *engine.Engine) error {
		_, err := e.Ensure(ctx, slo.Objective{ID: "checkout-uptime", SystemID: "checkout", Target: 99.9, Window: slo.Days(30)})
		if err != nil {
			return err
		}
		failed := time.Now().Add(-time.Hour)
		return e.Observe(ctx, slo.Down("checkout", failed), slo.Up("checkout", failed.Add(10*time.Minute)))
	})
	use(func(e *engine.Engine) error {
		status, err := e.Status(ctx, "checkout-uptime")
		fmt.Println(status.Budget.Total, "less", status.Budget.Consumed, "is", status.Budget.Remaining)
		return err
	})
	// Output: 43m12s less 10m0s is 33m12s
}
