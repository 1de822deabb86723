package entitytest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/entity/entitytest"
)

// A test waits for what its code publishes. Here the changes come from a goroutine; a program gives recorder.Handle to
// OnChange.
func ExampleRecorder() {
	type Order struct{ Status string }
	recorder := entitytest.NewRecorder[Order]()
	go func() {
		for i, status := range []string{"open", "paid", "sent"} {
			c := entity.Change{Kind: "order", ID: "4711", Version: int64(i) + 1}
			_ = recorder.Handle(context.Background(), entity.Typed[Order]{Change: c, Next: &Order{status}})
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	paid, err := recorder.WaitFor(ctx, func(c entity.Typed[Order]) bool { return c.Next != nil && c.Next.Status == "paid" })
	fmt.Println(paid.ID, paid.Version, err)
	all, err := recorder.Wait(ctx, 3)
	fmt.Println(len(all), err)
	// Output:
	// 4711 2 <nil>
	// 3 <nil>
}
