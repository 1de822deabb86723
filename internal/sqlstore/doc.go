// Package sqlstore is what the adapters for SQL databases have in common: keys that a database gives back as they were,
// states as JSON, listings that are read a page at a time, and numbered migrations.
package sqlstore
