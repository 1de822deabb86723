package entity_test

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/slokeep/slokeep/entity"
)

func ExampleCondition() {
	checkout := func(field string) string { return entity.Path("slo", "checkout", field) }
	low := entity.Below(checkout("budgetRemainingPercent"), 20).For(10 * time.Minute).Rearm(25)
	fmt.Println(low)

	down := entity.Is(checkout("down"), true)
	fmt.Println(entity.All(low, entity.Not(down).For(time.Hour)))
	fmt.Println(entity.Not(entity.Any(low, down)))
	// Output:
	// state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25
	// state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25 and not state.slo.checkout.down == true for 1h
	// not (state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25 or state.slo.checkout.down == true)
}

// None of the functions fails; Validate says what was wrong first.
func ExampleCondition_Validate() {
	path := entity.Path("slo", "checkout", "budgetRemainingPercent")
	for _, c := range []entity.Condition{
		entity.Below(path, 20),
		entity.Not(entity.Below(path, math.NaN())).For(time.Minute),
		entity.Below(path, 20).Rearm(15),
	} {
		err := c.Validate()
		fmt.Println(errors.Is(err, entity.ErrInvalid), err)
	}
	// Output:
	// false <nil>
	// true entity: invalid: state.slo.checkout.budgetRemainingPercent < NaN: want a finite number
	// true entity: invalid: state.slo.checkout.budgetRemainingPercent < 20 rearm 15: want 20 or more
}

func ExamplePath() {
	fmt.Println(entity.Path("slo", "checkout", "down"))
	fmt.Println(entity.Path("order", "42", "customer", "city"))
	fmt.Println(entity.Path("slo", "arn:aws:sns:eu", "target"))
	// Output:
	// state.slo.checkout.down
	// state.order.42.customer.city
	// state.slo["arn:aws:sns:eu"].target
}

func ExampleAbove() {
	fmt.Println(entity.Above(entity.Path("queue", "mail", "length"), 1000).Rearm(500))
	// Output:
	// state.queue.mail.length > 1000 rearm 500
}

func ExampleBetween() {
	fmt.Println(entity.Between(entity.Path("room", "b-12", "temperature"), -5, 4.5))
	// Output:
	// -5 < state.room.b-12.temperature < 4.5
}

func ExampleIs() {
	order := entity.Path("order", "42", "status")
	fmt.Println(entity.Is(order, "paid"))
	fmt.Println(entity.Is(entity.Path("order", "42", "items"), 3.0))
	fmt.Println(entity.Is(entity.Path("order", "42", "shippedAt"), nil))
	// Output:
	// state.order.42.status == "paid"
	// state.order.42.items == 3
	// state.order.42.shippedAt == null
}
