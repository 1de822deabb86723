package entity

import (
	"context"
	"time"
)

// Forecaster answers for a kind with fields that drift: when will a field cross a value, and when does a field that does
// not drift change next by time alone, if nothing is written? It answers many questions in one call, by calling answer(i,
// at) for questions[i], in any order, from the calling goroutine. A question that it does not answer, and a zero instant,
// mean never; so they do for an entity that does not exist. It must be safe for concurrent use, and is called outside of
// transactions.
//
// A Question may be about the past, before the last write: whoever was away asks what happened meanwhile. It is answered
// from what really was; a host that does not know that any longer may miss or invent edges of named watches when all
// processes were away.
//
// Its word decides: a condition on a drifting field is true from the instant that a Forecaster names, whatever the rounded
// float says that a read finds there.
type Forecaster func(ctx context.Context, questions []Question, answer func(i int, at time.Time)) error

// Question is what a Forecaster is asked.
type Question struct {
	ID string

	// Field is the path of the drifting field below the state, its parts joined by dots: "budgetRemainingPercent". The answer
	// is the first microsecond at From or later at which the comparison with Value holds; where it holds already, From.
	//
	// An empty Field asks when any field that does not drift changes next by time alone: the first microsecond after From.
	Field string

	Comparison Comparison
	Value      float64
	From       time.Time // may lie in the past: whoever comes back after a while asks for what was missed
}

// Comparison is how a Question compares a field with a value.
type Comparison int

// The four comparisons.
const (
	Less    Comparison = iota // the field is less than the value
	Greater                   // the field is greater
	AtMost                    // the field is less or equal
	AtLeast                   // the field is greater or equal
)

func (c Comparison) String() string {
	if c < Less || c > AtLeast {
		return "?"
	}
	return [...]string{"<", ">", "<=", ">="}[c]
}
