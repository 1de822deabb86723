package entity

import (
	"context"
	"iter"
	"time"
)

// Log is what the package needs of a database: a transaction that a host's own writes take part in, and beside its data a
// few tables in which changes lie until everybody has seen them. [NewMemory] makes one in memory; the adapters of package
// storage have one each. Package entitytest says in executable form what is written here, and an adapter is one that
// passes it.
//
// All methods are safe for concurrent use. A method called with the ctx of a transaction (what InTx gives to fn) is part
// of that transaction and sees its writes. States (Change.Prev and Next, Head.State and Published) are pointers to structs
// that encoding/json can encode, or nil. A Log that stores bytes encodes them with json.Marshal and gives back a
// json.RawMessage; one that keeps them gives back what it was given. Instants are in microseconds, and come back in UTC.
// Strings come back as they were given, and order as bytes.
//
// Errors of the database are returned as they are, wrapped; where a comment names a sentinel, the error matches it.
type Log interface {
	Transactions
	Heads
	Feed
	Groups
	Watches
	Leases

	// Shared reports whether more than one process can use the Log's data. Of a Log that is not shared, a Registry polls
	// nothing, relays nothing and holds its leases until it is closed: Append gives the Position itself, and everybody sees
	// the change when the transaction has committed.
	Shared() bool
}

// Transactions is the part of a Log that commits.
type Transactions interface {
	// InTx runs fn in a transaction, at most once, and commits when fn returns nil. When fn returns an error, panics or ends
	// its goroutine, nothing has happened; so too when ctx has ended before the commit. InTx inside of fn, with fn's ctx,
	// joins: it runs its own fn in the same transaction, and an error of it dooms the whole, whatever the outer fn returns.
	// ErrConflict: the database gave it up for the sake of another transaction. ErrClosed: the ctx's transaction is over.
	InTx(ctx context.Context, fn func(ctx context.Context) error) error

	// AfterCommit calls f when the outermost transaction of ctx has committed, in the order of the calls, before its InTx
	// returns; where ctx has no transaction, at once. The context that f gets has the values of the outermost InTx's, and does
	// not end with it. When the transaction does not commit, f is never called.
	AfterCommit(ctx context.Context, f func(ctx context.Context))
}

// Head is what a Log keeps of each entity: the last published state.
type Head struct {
	ID        string
	Version   int64     // of the last Change; 0: none was ever published
	State     any       // as it was read; nil: it does not exist, or was never seen
	Published any       // the same as the Change showed it, after the Redactor
	At        time.Time // of the last Change
}

// Interval is a time during which a field had one value.
type Interval struct {
	Since time.Time
	Until time.Time // zero: still
}

// Entry is what Append writes for one entity.
type Entry struct {
	// Head replaces the head of (Change.Kind, Head.ID).
	Head Head

	// Transitions names the fields that got another value: at Change.At their open interval ends, and where Head.State is not
	// nil a new one begins.
	Transitions []string

	// Change is what is delivered. Its Version is Head.Version, or 0 for a nudge.
	Change Change
}

// Heads is the part of a Log that knows the last published state of each entity, and since when.
type Heads interface {
	// Lock locks (kind, id) for each of the ids until the end of the transaction of ctx, and returns their heads, in the order
	// of the ids, which are sorted and distinct; the slice is the caller's until the transaction ends. An entity without a head gets one with an ID alone. A lock that the
	// transaction has already is no wait. Kind and id may be of anything, not only of entities. ErrConflict: the wait would
	// have closed a circle. ErrInvalid: ctx has no transaction.
	Lock(ctx context.Context, kind string, ids []string) ([]Head, error)

	// Heads lists the heads of these ids, or, where ids is nil, of all entities of the kind, by id. It locks nothing, and
	// passes over what has no head.
	Heads(ctx context.Context, kind string, ids []string) iter.Seq2[Head, error]

	// Append writes entries, in their order, in the transaction of ctx, which holds the locks of their entities: heads,
	// intervals, and the changes to the outbox. It may keep what the entries hold, Fields and Transitions too, which the
	// caller does not change any longer, but not the slice entries. ErrInvalid: ctx has no transaction.
	Append(ctx context.Context, entries []Entry) error

	// Intervals lists the intervals of one field of one entity, newest first: those with Since at or after since, and the one
	// that holds at since.
	Intervals(ctx context.Context, kind, id, field string, since time.Time) iter.Seq2[Interval, error]
}

// Feed is the part of a Log that delivers. What a transaction appended lies in the outbox, in which nobody keeps a place,
// since what was numbered first may commit last. The holder of the lease [LeaseRelay] takes from it what has committed,
// and gives each change its Position, which only grows.
type Feed interface {
	// Relay moves at most limit changes from the outbox to the feed, those of one entity in the order in which they were
	// appended, and returns how many it moved: less than limit only when the outbox was empty. Positions go on from the last
	// one, without a gap. ErrLeaseLost: t is not the newest token of its lease.
	Relay(ctx context.Context, t Token, limit int) (int, error)

	// Changes lists what is in the feed after a Position, in the order of the Positions, and ends at what is the newest when
	// it gets there.
	Changes(ctx context.Context, after int64) iter.Seq2[Change, error]

	// Last returns the newest Position that was ever given, 0 for none, and whether the outbox is empty beside it.
	Last(ctx context.Context) (position int64, drained bool, err error)

	// Trim deletes the changes with At before the instant that every group has passed, and intervals that ended before it.
	// Positions that were given are not given again. ErrLeaseLost: t is not the newest token of its lease.
	Trim(ctx context.Context, t Token, before time.Time) error
}

// Shards is how many parts a group's work is cut into: each is done by one process at a time.
const Shards = 16

// Shard says which of the Shards an entity belongs to: FNV-1a of kind, a NUL and id.
func Shard(kind, id string) int {
	const prime = 1099511628211
	h := uint64(14695981039346656037)
	for i := range len(kind) {
		h = (h ^ uint64(kind[i])) * prime
	}
	h *= prime // the NUL
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * prime
	}
	return int((h ^ h>>32) % Shards)
}

// Group names a work queue: of the changes of its source each is handled by one process.
type Group struct {
	Name   string // what the host calls it
	Source string // what it gets: "kind order", "event order.paid", "watch low-budget"
}

// Pending is a change that a group has passed without having handled it: it failed and waits for its next attempt, or
// waits behind such a change of the same entity, or is parked.
type Pending struct {
	Group    Group
	Change   Change
	Attempts int       // so far
	Due      time.Time // the next attempt; zero where it waits behind another, or is parked
	Error    string    // of the last attempt
	Parked   bool      // given up, until somebody replays it
}

// Progress is what a group's process writes down after some work on one shard.
type Progress struct {
	Group    Group
	Shard    int       // 0 to Shards-1
	Position int64     // all changes of the shard up to here are handled or pending
	Put      []Pending // new and changed ones; the key is (Group, Change.Position)
	Done     []int64   // Positions of pending changes that are handled now
}

// Groups is the part of a Log that keeps how far each group is.
type Groups interface {
	// Positions returns the Position of each shard of a group. A group that is new starts all of them at start.
	Positions(ctx context.Context, g Group, start int64) ([Shards]int64, error)

	// Save writes a Progress, all of it or nothing. ErrLeaseLost: t is not the newest token of its lease. ErrNotFound: the
	// group is not there, since it was dropped.
	Save(ctx context.Context, t Token, p Progress) error

	// Pending lists what is pending of all groups of that name, of all groups where it is empty: by name, source and Position.
	Pending(ctx context.Context, name string) iter.Seq2[Pending, error]

	// Forget deletes the pending changes of a group at these Positions, whoever holds its leases, and says how many there
	// were.
	Forget(ctx context.Context, g Group, positions ...int64) (int, error)

	// Drop deletes all groups of that name, with what is pending. Nothing waits for them any longer.
	Drop(ctx context.Context, name string) error
}

// WatchRow is a named watch as a Log keeps it. All but the Name is the Registry's own affair.
type WatchRow struct {
	Name      string
	Group     string
	Condition string    // its text form
	Progress  string    // how far its condition is
	Position  int64     // the changes up to here are in Progress
	At        time.Time // and so is time up to here
}

// Watches is the part of a Log that keeps named watches.
type Watches interface {
	// Watches lists the rows of these names, of all watches where there are none, by name.
	Watches(ctx context.Context, names ...string) iter.Seq2[WatchRow, error]

	// PutWatch writes a row. ErrLeaseLost: t is not the newest token of its lease; the zero Token is not asked.
	PutWatch(ctx context.Context, t Token, w WatchRow) error

	// DropWatch deletes a row; where there is none it does nothing.
	DropWatch(ctx context.Context, name string) error
}

// Names of leases. Those of groups and of their members are made from the group.
const (
	LeaseRelay  = "relay"  // who gives Positions, and trims
	LeaseTimers = "timers" // who refreshes entities when time changes them, and fires named watches
)

// Token is a proof of a lease: it grows each time that the lease passes to another holder.
type Token struct {
	Name   string
	Number int64 // 0: the lease is another's
}

// Lease is a lease in force.
type Lease struct {
	Name, Holder string
	Number       int64
}

// Leases is the part of a Log that lets one process at a time do a thing. Time is the database's, or in memory the real
// time, never a Registry's Clock.
type Leases interface {
	// Lease takes each of the named leases for ttl from now, where it is free, has run out, or is the holder's already, which
	// keeps its Number; a lease that changes hands gets a greater one. It returns a token for each name, in their order, with
	// the Number 0 where another holds it. A ttl of 0 gives up those that are the holder's.
	Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]Token, error)

	// Leases lists the leases in force whose names begin with prefix, by name.
	Leases(ctx context.Context, prefix string) iter.Seq2[Lease, error]
}
