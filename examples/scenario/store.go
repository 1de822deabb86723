package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/memory"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// stores opens what -store names, by the word before the colon: a store that is empty, and how to close it.
var stores = map[string]func(ctx context.Context, where string) (storage.Store, func() error, error){
	"memory":     openMemory,
	"postgres":   openPostgres,
	"postgresql": openPostgres,
	"sqlite":     openSQLite,
}

func openStore(ctx context.Context, name string) (storage.Store, func() error, error) {
	scheme, where, _ := strings.Cut(name, ":")
	open := stores[scheme]
	if open == nil {
		return nil, nil, fmt.Errorf("-store %q: want memory, sqlite:FILE or %s", name, postgresForm)
	}
	s, closeStore, err := open(ctx, where)
	if err != nil {
		return nil, nil, fmt.Errorf("-store %q: %w", name, err)
	}
	return s, closeStore, nil
}

func openMemory(_ context.Context, where string) (storage.Store, func() error, error) {
	if where != "" {
		return nil, nil, fmt.Errorf("want nothing after memory")
	}
	return memory.New(), func() error { return nil }, nil
}

// openSQLite makes a file. The clock of a script begins in 1970, which is long before anything that a file may have in it.
func openSQLite(ctx context.Context, path string) (storage.Store, func() error, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil, nil, fmt.Errorf("%s is there already: want the name of a new file, since a script begins with nothing", path)
	}
	s, err := sqlite.Open(ctx, path, &sqlite.Options{LoseLastOnPowerLoss: true}) // what is lost can be played again
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}
