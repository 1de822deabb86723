package entity_test

import (
	"context"
	"fmt"
	"log"

	"github.com/slokeep/slokeep/entity"
)

// Job is a host's own struct.
type Job struct{ Title string }

// A group is a work queue: each change is handled by one process of it, and waits where there is none yet.
func ExampleSubscribeOptions() {
	ctx := context.Background()
	table := map[string]Job{}
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	jobs, err := entity.Define(reg, "job", func(_ context.Context, ids []string, found func(string, Job)) error {
		for _, id := range ids {
			if job, ok := table[id]; ok {
				found(id, job)
			}
		}
		return nil
	}, nil)
	if err != nil {
		log.Fatal(err)
	}

	for _, title := range []string{"sweep", "mop", "dust"} {
		if _, err := jobs.Mutate(ctx, title, func(context.Context) error { table[title] = Job{title}; return nil }, nil); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := jobs.OnChange(func(_ context.Context, c entity.Typed[Job]) error {
		fmt.Println("done:", c.Next.Title)
		return nil
	}, &entity.SubscribeOptions{Group: "cleaners", From: entity.Oldest, Parallel: 2}); err != nil {
		log.Fatal(err)
	}
	if err := reg.Start(ctx); err != nil {
		log.Fatal(err)
	}
	if err := reg.Settle(ctx); err != nil {
		log.Fatal(err)
	}
	// Unordered output:
	// done: sweep
	// done: mop
	// done: dust
}
