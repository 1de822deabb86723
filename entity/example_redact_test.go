package entity_test

import (
	"context"
	"fmt"
	"log"

	"github.com/slokeep/slokeep/entity"
)

// Webhook is a state with a secret in it.
type Webhook struct{ URL, Secret string }

func ExampleKindOptions_redact() {
	ctx := context.Background()
	hook := Webhook{URL: "https://example.org"}
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer reg.Close()
	read := func(_ context.Context, ids []string, found func(string, Webhook)) error {
		found(ids[0], hook)
		return nil
	}
	hooks, err := entity.Define(reg, "webhook", read, &entity.KindOptions[Webhook]{
		Redact: func(_ context.Context, w *Webhook) error {
			w.Secret = "***"
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}

	for _, secret := range []string{"swordfish", "opensesame", "opensesame"} {
		c, err := hooks.Mutate(ctx, "deploy", func(context.Context) error {
			hook.Secret = secret
			return nil
		}, nil)
		if err != nil {
			log.Fatal(err)
		}
		if c.Version == 0 {
			fmt.Println("nothing differs")
			continue
		}
		fmt.Println(c.Version, c.Fields, *c.Next)
	}
	// Output:
	// 1 [Secret] {https://example.org ***}
	// 2 [Secret] {https://example.org ***}
	// nothing differs
}
