// Package entity makes the state of a host's entities reactive: what a program can read, it can also watch, wait for and
// react to, in one process or in a cluster, without losing a change or making one up.
//
// The host's own database has the state, and a read function is the one way to it. A write goes through [Handle.Mutate],
// which compares the state before and after, in the transaction of the write, and publishes what differs:
//
//	reg, err := entity.NewRegistry(nil) // in memory; Options.Log takes a database
//	if err != nil {
//		return err
//	}
//	defer reg.Close()
//	orders, err := entity.Define(reg, "order", readOrders, nil)
//	if err != nil {
//		return err
//	}
//	_, err = orders.OnChange(func(ctx context.Context, c entity.Typed[Order]) error {
//		return mail(ctx, c.ID, c.Next)
//	}, &entity.SubscribeOptions{Group: "mail"})
//	if err != nil {
//		return err
//	}
//	if err := reg.Start(ctx); err != nil {
//		return err
//	}
//	change, err := orders.Mutate(ctx, "o-1", func(ctx context.Context) error {
//		return payOrder(ctx, "o-1") // the host's own write
//	}, nil)
//
// What lies between the write and those who react is a [Log]: [NewMemory] makes one for a single process, the adapters of
// package storage have one on a database, in whose transactions the host's writes take part.
//
// # What holds
//
//  1. A change is published if its write committed, and only then.
//  2. The changes of an entity have the Versions 1, 2, 3, ... without a gap, and the Prev of each is the Next of the one
//     before, also over a removal and a re-creation, also for what drifts.
//  3. Every change is delivered to every subscriber at least once, those of one entity in their order, by any process that
//     is alive; one that a group's handler fails on is tried again, and then parked where it can be seen and replayed.
//  4. A slow or failing subscriber does not hold up a writer, nor other subscribers; a failing change holds up its own
//     entity, and no other.
//  5. Who has a Change reads at least its Version.
//  6. A watch fires on each edge that its condition has in what is published, and loses none. One that time alone makes has
//     its very microsecond; one that a write makes has the instant of that write, or of the Refresh that saw it. A named
//     watch neither loses an edge nor makes one twice, whichever processes come and go.
//
// Groups are work queues: of one group each change is handled in one process, which goes on where another stopped. A
// subscriber without a group gets every change from its subscription on, in every process.
//
// # Time
//
// A field tagged entity:"drifts" moves without being written, as a budget does. A change in it alone is not published;
// instead the kind's [Forecaster] says when it will cross a value, and one timer waits for that. So it does for fields
// that do not drift but change by time alone: they are published at that instant. Conditions compare fields with values,
// are combined, must hold for a while and have hysteresis; [ParseCondition] reads their text form:
//
//	state.slo.checkout.budgetRemainingPercent < 20 for 10m rearm 25
//
// [Registry.Watch] calls a function at each edge, [Registry.WaitUntil] waits for one.
//
// # Concurrency and errors
//
// Handles, registries and logs are safe for concurrent use. Goroutines run between [Registry.Start] and
// [Registry.Close], which waits for them. A handler may mutate entities, also the one it was told about, subscribe and
// unsubscribe; it must not call Close or Settle.
//
// Bad input is refused with an error that names the field and the value and matches [ErrInvalid], or another sentinel of
// this package; nothing has changed then. A panic of a host's function becomes a [PanicError].
//
// # What it does not do
//
// It keeps no state but the last published one of each entity, which is no authority on anything, and no history beyond
// Options.Keep. It sees what goes through it: what is written past it shows at the next Mutate or Refresh of that entity,
// and what comes and goes between two of them does not show.
// A handler may get a change twice, so it must not mind.
package entity
