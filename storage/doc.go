// Package storage is the contract between slokeep and a database: [Store], and what every adapter keeps to. Take one that
// is there (storage/memory, storage/sqlite), or write your own: the interface is a dozen methods beside [entity.Log].
package storage
