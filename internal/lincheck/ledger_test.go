package lincheck_test

import (
	"fmt"
	"net/rpc"
	"os"
	"sync"
)

// ledger is the truth behind a cache, and the clock of its history: what processes have in common. Each call has an instant
// of its own, between its beginning and its end, so that what one process does is in order with what another does.
type ledger interface {
	// look returns the instant, and the versions that the keys had at it.
	look(keys ...string) (now int64, versions []int64)

	// write makes the next version of key true.
	write(key string) (now, version int64)
}

// book is the ledger of the process that judges.
type book struct {
	mu       sync.Mutex
	now      int64
	versions map[string]int64
}

func newBook() *book { return &book{versions: map[string]int64{}} }

func (b *book) look(keys ...string) (now int64, versions []int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now++
	for _, key := range keys {
		versions = append(versions, b.versions[key])
	}
	return b.now, versions
}

func (b *book) write(key string) (now, version int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now++
	b.versions[key]++
	return b.now, b.versions[key]
}

// Page is what a ledger says to another process.
type Page struct {
	Now      int64
	Versions []int64
}

// farLedger is the ledger of another process, which asks for it. It ends with the process that has the book.
type farLedger struct{ client *rpc.Client }

func (l farLedger) look(keys ...string) (now int64, versions []int64) {
	var page Page
	l.ask("Look", keys, &page)
	return page.Now, page.Versions
}

func (l farLedger) write(key string) (now, version int64) {
	var page Page
	l.ask("Write", key, &page)
	return page.Now, page.Versions[0]
}

func (l farLedger) ask(what string, question, answer any) {
	if err := l.client.Call("Judge."+what, question, answer); err != nil {
		fmt.Fprintln(os.Stderr, "the judge does not answer:", err)
		os.Exit(1)
	}
}
