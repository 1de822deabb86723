package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/slokeep/slokeep/entity/natsbus"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

// expected reports whether an error is one that the loss of a connection, another process, or the end of ctx may cause, with
// all that is joined in it. That somebody else has left is no excuse: nobody is to hear of that.
func expected(ctx context.Context, err error) bool {
	for _, part := range parts(err) {
		left := errors.Is(part, context.Canceled) && ctx.Err() != nil
		if !left && !errors.Is(part, postgres.ErrUnavailable) && !errors.Is(part, postgres.ErrInDoubt) &&
			!errors.Is(part, storage.ErrConflict) && !errors.Is(part, natsbus.ErrUnavailable) {
			return false
		}
	}
	return true
}

// lost reports whether an error says that a connection was lost, or not made: those to Redis have go-redis' own errors. No
// caller gets them, since the store answers what the cache cannot.
func lost(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// parts are the errors that errors.Join has joined in err, lest one of them stands for all, or err alone.
func parts(err error) []error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if !isJoin(e) {
			continue
		}
		var list []error
		for _, part := range e.(interface{ Unwrap() []error }).Unwrap() {
			list = append(list, parts(part)...)
		}
		return list
	}
	return []error{err}
}

// isJoin tells what errors.Join made from what fmt.Errorf did, where one error says what kind the other is.
func isJoin(err error) bool { return fmt.Sprintf("%T", err) == fmt.Sprintf("%T", errors.Join(io.EOF)) }

// complaints are a logger's handler: what goes wrong in the background is said on standard error, unless it is expected.
type complaints struct {
	process int
	life    context.Context // of the process
}

func (c complaints) Enabled(context.Context, slog.Level) bool { return true }
func (c complaints) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c complaints) WithGroup(string) slog.Handler            { return c }

func (c complaints) Handle(_ context.Context, r slog.Record) error {
	text, fault := r.Message, true
	r.Attrs(func(a slog.Attr) bool {
		text += ": " + a.Value.String()
		if err, ok := a.Value.Any().(error); ok {
			fault = c.isFault(err)
		}
		return true
	})
	if fault {
		fmt.Fprintf(os.Stderr, "process %d: %s\n", c.process, text)
	}
	return nil
}

func (c complaints) isFault(err error) bool {
	for _, part := range parts(err) {
		if !expected(c.life, part) && !lost(part) {
			return true
		}
	}
	return false
}
