package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slokeep/slokeep/slo"
	"github.com/slokeep/slokeep/storage"
)

// Sentinels of this package, matched with [errors.Is]. The errors that wrap them name what was wrong, the field and the
// value. Where a call fails, nothing was changed.
var (
	// ErrInvalid says that an argument is outside what its doc comment allows. It is package slo's.
	ErrInvalid = slo.ErrInvalid

	// ErrConflict says that what was said contradicts what is there: another statement of the same source and revision, an
	// objective whose ID is taken. It is package slo's.
	ErrConflict = slo.ErrConflict

	// ErrNotFound says that there is no such objective. It is package storage's.
	ErrNotFound = storage.ErrNotFound

	// ErrClosed says that the Engine is closed.
	ErrClosed = errors.New("engine: closed")
)

const (
	maxID   = 256      // bytes
	maxText = 16 << 10 // bytes of a name
	maxShow = 64       // bytes of a bad value that an error repeats
)

func invalid(field string, value any, want string) error {
	return fmt.Errorf("%w: %s %v: want %s", ErrInvalid, field, value, want)
}

// notFound is an ErrNotFound for an objective.
type notFound string

func (id notFound) Error() string        { return "engine: objective " + quote(string(id)) + ": not found" }
func (id notFound) Is(target error) bool { return target == ErrNotFound }

func quote(s string) string {
	if len(s) > maxShow {
		return fmt.Sprintf("%q... (%d bytes)", s[:maxShow], len(s))
	}
	return fmt.Sprintf("%q", s)
}

func checkID(field, id string) error {
	switch {
	case id == "" || len(id) > maxID:
		return invalid(field, quote(id), fmt.Sprintf("1 to %d bytes", maxID))
	case !utf8.ValidString(id):
		return invalid(field, quote(id), "valid UTF-8")
	case strings.IndexByte(id, 0) >= 0:
		return invalid(field, quote(id), "no NUL")
	}
	return nil
}

func checkIDs(field string, ids []string) error {
	for _, id := range ids {
		if err := checkID(field, id); err != nil {
			return err
		}
	}
	return nil
}

var (
	firstInstant = time.Date(1970, time.January, 1, 0, 0, 0, 0, time.UTC)
	lastInstant  = time.Date(2200, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// show is how errors show an instant.
func show(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// checkInstant refuses what no history can hold.
func checkInstant(field string, t time.Time) error {
	if t.Before(firstInstant) || t.After(lastInstant) {
		return invalid(field, show(t), "an instant from 1970 to 2200")
	}
	return nil
}
