// Command orders makes the orders of a shop reactive. Their state lies in the shop's own tables and is partly computed: a
// sum of lines. A customer fills an order and pays; one subscriber prints each change, with the state before and after;
// the warehouse packs what was paid for; and what is rolled back is not heard of.
//
//	go run ./examples/orders
//	go run ./examples/orders -db shop.db
//
// With -db the shop stays in that file, and a second run goes on with the Versions where the first one stopped.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/slokeep/slokeep/entity"
)

func main() {
	db := flag.String("db", "", "keep the shop in this `file`")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *db); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, path string) (err error) {
	if path == "" {
		dir, err := os.MkdirTemp("", "orders")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "shop.db")
	}
	s, err := openShop(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	// A broadcast: every process that subscribes gets every change, those of one order in their order.
	_, err = s.orders.OnChange(func(_ context.Context, c entity.Typed[Order]) error {
		who := strings.TrimSpace(c.Actor.Type + " " + c.Actor.ID)
		_, err := fmt.Fprintf(out, "  %s %s, version %d, by %s: %s -> %s %v\n",
			c.Kind, c.ID, c.Version, who, show(c.Prev), show(c.Next), c.Fields)
		return err
	}, nil)
	if err != nil {
		return err
	}
	if err := s.pack(); err != nil {
		return err
	}
	if err := s.reg.Start(ctx); err != nil {
		return err
	}
	return s.sell(ctx, out, "o-1")
}

// pack makes an event of some changes, and has the warehouse react to it: in a group, so that of all the shop's processes
// one packs.
func (s *shop) pack() error {
	err := s.orders.Derive(func(prev, next *Order) []string {
		if prev != nil && next != nil && prev.Status == "open" && next.Status == "paid" {
			return []string{"order.paid"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = s.reg.OnEvent("order.paid", func(ctx context.Context, e entity.Event) error {
		_, err := s.orders.Mutate(ctx, e.Change.ID, func(ctx context.Context) error {
			return s.advance(ctx, e.Change.ID, "paid", "packed")
		}, &entity.MutateOptions{Actor: entity.Actor{Type: "warehouse"}})
		return err
	}, &entity.SubscribeOptions{Group: "warehouse"})
	return err
}

// sell is a customer's afternoon. After each step it waits until all have reacted, so that the lines come in order.
func (s *shop) sell(ctx context.Context, out io.Writer, id string) error {
	ann := &entity.MutateOptions{Actor: entity.Actor{Type: "user", ID: "ann"}}
	for _, step := range []struct {
		what  string
		write func(ctx context.Context) error
	}{
		{"begins an order", func(ctx context.Context) error { return s.begin(ctx, id) }},
		{"adds a kettle", func(ctx context.Context) error { return s.add(ctx, id, "kettle", 45_00) }},
		{"adds tea", func(ctx context.Context) error { return s.add(ctx, id, "tea", 7_50) }},
		{"adds a golden teapot", func(ctx context.Context) error { return s.add(ctx, id, "golden teapot", 4_999_00) }},
		{"pays", func(ctx context.Context) error { return s.advance(ctx, id, "open", "paid") }},
		{"pays again", func(ctx context.Context) error { return s.advance(ctx, id, "open", "paid") }},
	} {
		fmt.Fprintf(out, "ann %s\n", step.what)
		change, err := s.orders.Mutate(ctx, id, step.write, ann)
		switch {
		case errors.Is(err, errTooDear):
			fmt.Fprintf(out, "  rolled back: %v\n", err)
		case err != nil:
			return err
		case change.Version == 0:
			fmt.Fprintln(out, "  nothing changed")
		}
		if err := s.reg.Settle(ctx); err != nil {
			return err
		}
	}

	fmt.Fprintln(out, "the shop deletes the order")
	if _, err := s.orders.Remove(ctx, id, func(ctx context.Context) error { return s.remove(ctx, id) }, nil); err != nil {
		return err
	}
	return s.reg.Settle(ctx)
}

func show(o *Order) string {
	if o == nil {
		return "none"
	}
	return fmt.Sprintf("%s, items: %d, %d.%02d", o.Status, o.Items, o.Cents/100, o.Cents%100)
}
