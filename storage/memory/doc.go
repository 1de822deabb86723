// Package memory is the [storage.Store] that keeps everything in memory: the embedded default, and the adapter to read
// before writing one.
//
//	store := memory.New()
//
// Its entity part is entity.Memory, whose commit takes the writes of this package with it. A transaction keeps what it
// writes to itself, and reads it over what is committed; at the commit all of it is applied in one step. Transactions run
// side by side: they wait for each other only where they lock the same entity, or write the same fact, version or free key.
//
// The data is one process's, and gone with it. The host's own variables are not part of a transaction: what its write has
// done to them stays when the transaction fails.
package memory
