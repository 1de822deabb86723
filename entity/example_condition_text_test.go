package entity_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/slokeep/slokeep/entity"
)

// What is read prints in one form only: without parentheses that it can do without, each number in its shortest form.
func ExampleParseCondition() {
	c, err := entity.ParseCondition(`
		((state.slo.checkout.budgetRemainingPercent < 20.0) for 90m rearm 25)
		and (not (state["slo"]["a.b"].down == true))`)
	fmt.Println(c, err)
	// Output:
	// state.slo.checkout.budgetRemainingPercent < 20 for 1h30m rearm 25 and not state.slo["a.b"].down == true <nil>
}

// An error knows its column, so that a program can point at it.
func ExampleSyntaxError() {
	_, err := entity.ParseCondition("state.slo.checkout.level = critical")
	fmt.Println(err)

	if at, ok := errors.AsType[*entity.SyntaxError](err); ok {
		fmt.Println(at.Text)
		fmt.Println(strings.Repeat(" ", at.Column-1) + "^ want " + at.Want)
	}
	// Output:
	// entity: invalid: column 26: want "<", ">" or "==", not `= critical` after `state.slo.checkout.level `
	// state.slo.checkout.level = critical
	//                          ^ want "<", ">" or "=="
}

// In JSON a condition is a string.
func ExampleCondition_UnmarshalText() {
	var rule struct {
		Name string           `json:"name"`
		If   entity.Condition `json:"if"`
	}
	err := json.Unmarshal([]byte(`{"name": "low budget", "if": "state.slo.checkout.budgetRemainingPercent < 20"}`), &rule)
	fmt.Println(rule.If, err)

	err = json.Unmarshal([]byte(`{"name": "low budget", "if": "state.slo.checkout.budgetRemainingPercent below 20"}`), &rule)
	fmt.Println(err)
	// Output:
	// state.slo.checkout.budgetRemainingPercent < 20 <nil>
	// entity: invalid: column 43: want "<", ">" or "==", not `below 20` after ...`checkout.budgetRemainingPercent `
}
