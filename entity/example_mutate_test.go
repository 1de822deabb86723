package entity_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/entity"
)

// Invoice is a host's own struct; its table is a map here, and nobody else writes to it.
type Invoice struct {
	Status string `json:"status"`
	Cents  int    `json:"cents"`
}

func ExampleDefine() {
	ctx := context.Background()
	table := map[string]Invoice{}
	reg, err := entity.NewRegistry(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()

	read := func(_ context.Context, ids []string, found func(string, Invoice)) error {
		for _, id := range ids {
			if invoice, ok := table[id]; ok {
				found(id, invoice)
			}
		}
		return nil
	}
	invoices, err := entity.Define(reg, "invoice", read, nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	write := func(invoice Invoice) func(context.Context) error {
		return func(context.Context) error {
			table["4711"] = invoice
			return nil
		}
	}
	for _, invoice := range []Invoice{{"open", 900}, {"paid", 900}, {"paid", 900}} {
		c, err := invoices.Mutate(ctx, "4711", write(invoice), nil)
		fmt.Println(c.Version, c.Fields, err)
	}
	_, err = invoices.Mutate(ctx, "", write(Invoice{}), nil)
	fmt.Println(err)
	// Output:
	// 1 [cents status] <nil>
	// 2 [status] <nil>
	// 0 [] <nil>
	// entity: invalid: id "": want 1 to 256 bytes
}
