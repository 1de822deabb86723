package entity_test

import (
	"context"
	"fmt"

	"github.com/slokeep/slokeep/entity"
)

// Wallet keeps balances, reactive or not: that is for whoever makes it to say.
type Wallet struct {
	cents  map[string]int
	handle *entity.Handle[Balance] // nil: not reactive
}

// Balance is the state of an account.
type Balance struct{ Cents int }

// Pay is the same code in both cases.
func (w *Wallet) Pay(ctx context.Context, account string, cents int) error {
	return entity.WithWrite(ctx, w.handle, account, func(context.Context) error {
		w.cents[account] -= cents
		return nil
	})
}

func (w *Wallet) read(_ context.Context, ids []string, found func(string, Balance)) error {
	for _, id := range ids {
		found(id, Balance{w.cents[id]})
	}
	return nil
}

func ExampleWithWrite() {
	ctx := context.Background()
	plain := &Wallet{cents: map[string]int{"a": 100}}
	fmt.Println(plain.Pay(ctx, "a", 30), plain.cents["a"])

	reg, err := entity.NewRegistry(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	reactive := &Wallet{cents: map[string]int{"a": 100}}
	reactive.handle, err = entity.Define(reg, "account", reactive.read, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reactive.Pay(ctx, "a", 30), reactive.cents["a"])
	fmt.Println(reactive.handle.Version(ctx, "a"))
	// Output:
	// <nil> 70
	// <nil> 70
	// 1 <nil>
}
