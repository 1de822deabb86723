package storage

import (
	"context"
	"crypto/sha256"
	"iter"

	"github.com/slokeep/slokeep/entity"
)

// Store is what slokeep's engine needs of a database. It is the entity part, [entity.Log], and beside it three kinds of
// rows in the same transactions: facts, records and versions. Package storage/memory is one to read; storagetest says in
// executable form what is written here, and an adapter is one that passes it.
//
// All methods are safe for concurrent use. A method called with the ctx of a transaction (what InTx gives to its fn) is
// part of that transaction and sees its writes; what others have not committed is not seen. A write without a transaction
// is one of its own. Writes to one key by transactions that run at once happen one after the other; the engine holds the
// locks that give them an order, and takes them and the rows in ascending order.
//
// Once a ctx has ended, a method called with it returns an error and changes nothing; once its transaction is over, an
// error that matches ErrClosed. An error of a writing method may doom the transaction. A listing asks the database each time
// that it is taken, may be left early, and lets the body of its loop call the Store; after an error it yields nothing more.
//
// Strings are valid UTF-8 without NUL, come back as they were given, and order as bytes. Data is any bytes, which may be
// none. To the limits of lengths the caller keeps; a Store need not check them. No rows as an argument: nothing happens. A
// slice that is given to a Store is the caller's again when the method has returned; a slice that a Store gives is shared,
// and not changed by anybody. A Store may be a [HistoryCache] beside.
type Store interface {
	entity.Log
	Facts
	Versions
	Records
}

// Fact is one thing that somebody said about systems. It never changes. What it says is the engine's affair: to a Store it
// is bytes.
type Fact struct {
	// Kind is what it is, such as "observation": 1 to 32 bytes of lower-case letters.
	Kind string

	// Source is who says it, where all facts of one (Kind, Source) belong together, since a later one replaces an earlier: at
	// most 256 bytes. Empty: it stands for itself.
	Source string

	// Systems are those that it is about: sorted and distinct, each an ID of 1 to 256 bytes; at least one, unless it has a
	// Source, which may say nothing about anything any longer.
	Systems []string

	// Data is the fact in its canonical form: two facts of one kind are the same where these are.
	Data []byte
}

// Key is what a fact is known by, beside its Kind: the SHA-256 of Data.
func (f *Fact) Key() [sha256.Size]byte { return sha256.Sum256(f.Data) }

// SystemFact is a fact as FactsOf lists it, for one of the systems that it was asked for. Its Systems are those that it was
// given, whatever it belongs to by now.
type SystemFact struct {
	SystemID string
	Fact
}

// Facts is the part of a Store that keeps what happened. It joins nothing and interprets nothing: it keeps each distinct
// fact once, and gives back all that bears on a system.
type Facts interface {
	// PutFacts writes those of the facts that it does not have, and reports for each whether it was new. A fact that is there
	// stays as it is, whatever Systems it comes with now; one that comes twice in a call is new once.
	//
	// A new fact belongs to its Systems. If it has a Source, so do all other facts of its (Kind, Source), those to come too:
	// a statement that no longer names a system still says something about it.
	PutFacts(ctx context.Context, facts []Fact) (added []bool, err error)

	// FactsOf lists all facts that belong to each of the systems: by system, in byte order; those of one system in any order.
	// One that belongs to two of them comes twice.
	FactsOf(ctx context.Context, systems []string) iter.Seq2[SystemFact, error]

	// FactsFrom lists the facts of these sources of a kind, in any order, each once, with the Systems that it was given. An
	// empty source has none.
	FactsFrom(ctx context.Context, kind string, sources []string) iter.Seq2[Fact, error]

	// DeleteFacts makes all facts that belong to the systems belong to them no longer. A fact without a Source that belongs to
	// no system then is deleted; one with a Source stays, so that FactsFrom still gives it and PutFacts still has it.
	DeleteFacts(ctx context.Context, systems []string) error
}

// VersionKey names something that has a version, such as what is known of a system.
type VersionKey struct {
	Kind string // 1 to 32 bytes
	ID   string // 1 to 256 bytes
}

// Versions is the part of a Store that counts changes, so that who has computed something knows whether it still holds.
type Versions interface {
	// Bump adds one to each of the versions, which are sorted and distinct, and returns what they are now, in their order. A
	// version that was never bumped is 0. They are locked until the end of the transaction. Nothing deletes a version.
	Bump(ctx context.Context, keys []VersionKey) ([]int64, error)

	// Versions returns the versions of the keys, in their order; a key may come twice. Outside of a transaction they are all
	// read at one instant, so that whoever reads facts or records afterwards reads at least what they stand for.
	Versions(ctx context.Context, keys []VersionKey) ([]int64, error)
}

// Key names a record.
type Key struct {
	Kind string // 1 to 32 bytes
	ID   string // at most 256 bytes
	Sub  string // at most 1024 bytes; where there is one record for an ID: empty
}

// Record is a row that is replaced as a whole. What is in it is the engine's affair.
type Record struct {
	Key
	Data []byte
}

// Range is a run of records of one kind in order of (ID, Sub): those after After, and, where To has an ID or a Sub, before
// To. Of both the Kind is not looked at. The two need not be there. Since the zero After is a key too, the record without
// an ID and a Sub is in no Range.
type Range struct {
	Kind      string
	After, To Key
	Limit     int  // the most that are listed; 0: all
	Backward  bool // from the end of the run to its beginning
}

// Records is the part of a Store that keeps everything else by key: objectives, days, achievements, digests.
type Records interface {
	// Put writes records, in place of those that have their keys. Of two with one key the last stands. A record that another
	// transaction adds meanwhile was there before.
	Put(ctx context.Context, records []Record) error

	// Add writes those of the records whose keys are free, and reports for each whether it was. A second record with one key
	// in a call is not written. Of two transactions that add one key at once, one adds it: the other waits, and finds it there.
	Add(ctx context.Context, records []Record) (added []bool, err error)

	// Get lists the records that have one of the keys, by (Kind, ID, Sub); a key without a Sub names all records of its Kind
	// and ID. A record that several keys name comes once.
	Get(ctx context.Context, keys []Key) iter.Seq2[Record, error]

	// List lists a range of records in its order.
	List(ctx context.Context, r Range) iter.Seq2[Record, error]

	// Delete deletes the records that the keys name, as for Get: deleting an ID without a Sub deletes all that lies under it.
	// What is not there is passed over.
	Delete(ctx context.Context, keys []Key) error
}
