package entity_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// One goroutine waits for what another writes. WaitUntil looks first, and misses nothing between looking and waiting.
func ExampleRegistry_WaitUntil() {
	type Job struct {
		Done int `json:"done"`
	}
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	var mu sync.Mutex
	done := 0
	jobs, err := entity.Define(reg, "job", func(_ context.Context, ids []string, found func(string, Job)) error {
		mu.Lock()
		defer mu.Unlock()
		found("import", Job{done})
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := reg.Start(ctx); err != nil {
		log.Fatal(err)
	}
	go func() {
		for range 100 {
			_ = entity.WithWrite(ctx, jobs, "import", func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				done++
				return nil
			})
		}
	}()
	if err := reg.WaitUntil(ctx, entity.Above(entity.Path("job", "import", "done"), 99)); err != nil {
		log.Fatal(err)
	}
	fmt.Println("all is done")
	// Output:
	// all is done
}
