// Package natsbus is an [entity.Bus] on NATS: what one process commits is handled in the others at once, not at their next
// poll. It is for a Log that wakes nobody itself, as that of storage/sqlite, for one behind a pooler, and for a host whose
// processes are connected to NATS anyway. It is core NATS, without JetStream: an empty message on a subject says that there
// may be something new, and the Log says what.
//
//	conn, err := nats.Connect(nats.DefaultURL, nats.MaxReconnects(-1)) // never gives up
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//	bus, err := natsbus.New(conn, "shop.slokeep")
//	if err != nil {
//		return err
//	}
//	store, err := sqlite.Open(ctx, "shop.db", nil)
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	keeper, err := engine.New(store, &engine.Options{Bus: bus}) // or entity.NewRegistry, with the Bus in its Options
//	if err != nil {
//		return err
//	}
//	defer keeper.Close()
//
// One subject is for one Log: who shares a subject without need is woken without need, and does no harm.
//
// # What holds
//
//  1. A wake reaches all who listen on the subject, in this process and in others, through any server of a cluster, as long
//     as their connections hold.
//  2. Messages that are lost, repeated or late, and those of strangers, cost or save the time until the next poll, and
//     change nothing else: no message says anything.
//  3. What is woken after Listen has called its function for the first time, while the connection holds, is heard.
//  4. After an outage whoever listens looks at the Log, and tells all others to: what got lost while a connection ended need
//     not wait for a poll. Of the wakes during an outage one is kept, not all, until there is a connection again.
//  5. A function that takes its time is called once for all the wakes meanwhile. It costs the process no memory, and never
//     the connection, which a server ends when it is not read.
//  6. When Listen has returned its function is not called any more, and nothing of it is left in the connection.
//  7. A Wake waits for no server. It takes what a Publish takes, and a tenth of a second at most.
//  8. The connection is the host's: nothing is set on it, and its handlers hear what they would hear anyway.
//
// # Outages
//
// Reconnecting is the connection's affair, and the host's: nats.go gives up after some two minutes unless MaxReconnects says
// otherwise, and then the connection is closed for good. Wake and Listen say so with [entity.ErrClosed], which the
// Options.OnError of a Registry hears each time, and the processes poll.
//
// A connection whose server takes nothing, though the host sends a lot, is stuck for the FlusherTimeout of nats.go, which
// is a minute. Wake gives up before with [ErrUnavailable]; Listen, whose ctx ends then, cannot leave earlier.
//
// # Rights
//
// The user of the connection needs the right to publish on the subject, and to subscribe to it. Listen usually fails where
// the second is denied, at its beginning or after an outage. Usually: of a connection's errors nats.go keeps the last one,
// and where another has come at once, Listen hears nothing and does not know. It does not know either where the right is
// taken away while it listens. Of that, and where the first right is denied, only the connection's error handler is told.
// Who hears nothing polls.
//
// # Concurrency
//
// A [Bus] is safe for concurrent use. It has a goroutine during a Wake, and nats.go has one during each Listen.
//
// # What it does not do
//
// It carries no data and keeps none. It makes no connection, and closes none.
package natsbus
