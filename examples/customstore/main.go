// Command customstore has a Store of its own: an adapter of slokeep for a database that a host has already, written after
// the guide in package storage. It is on database/sql and SQLite, whole, and passes storagetest.Run.
//
//	go run ./examples/customstore
//
// What it shows is what any Store does: facts, versions and records in one transaction, nothing of one that fails, and all
// of it when the file is opened again. To write an adapter for another database, begin with store.go, and have the suite in
// store_test.go say what is missing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/slokeep/slokeep/storage"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "customstore")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "store.db")

	if err := with(ctx, path, func(s *Store) error {
		if err := outage(ctx, s, "statement 1: checkout is down", "checkout"); err != nil {
			return err
		}
		if err := outage(ctx, s, "statement 2: it was orders-db", "orders-db"); err != nil {
			return err
		}
		err := s.InTx(ctx, func(ctx context.Context) error {
			return errors.Join(outage(ctx, s, "statement 3: a mistake", "payments"), errors.New("thought better of it"))
		})
		fmt.Fprintln(out, "a transaction that failed:", err)
		return nil
	}); err != nil {
		return err
	}
	return with(ctx, path, func(s *Store) error { return show(ctx, s, out) })
}

// with opens the file for f, and closes it.
func with(ctx context.Context, path string, f func(s *Store) error) error {
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// outage writes what an incident says now: a fact, the system's next version, and that somebody has to look at it.
func outage(ctx context.Context, s *Store, data, system string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		fact := storage.Fact{Kind: "statement", Source: "incident-7", Systems: []string{system}, Data: []byte(data)}
		added, err := s.PutFacts(ctx, []storage.Fact{fact})
		if err != nil || !added[0] {
			return err
		}
		if _, err := s.Bump(ctx, []storage.VersionKey{{Kind: "history", ID: system}}); err != nil {
			return err
		}
		return s.Put(ctx, []storage.Record{{Key: storage.Key{Kind: "touched", ID: system}, Data: []byte(data)}})
	})
}

// show prints what is there. All statements of the incident belong to each system that one of them names.
func show(ctx context.Context, s *Store, out io.Writer) error {
	for f, err := range s.FactsOf(ctx, []string{"orders-db", "checkout", "payments"}) {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-9s  %s\n", f.SystemID, f.Data)
	}
	for r, err := range s.List(ctx, storage.Range{Kind: "touched"}) {
		if err != nil {
			return err
		}
		version, err := s.Versions(ctx, []storage.VersionKey{{Kind: "history", ID: r.ID}})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "touched    %s, version %d\n", r.ID, version[0])
	}
	return nil
}
