// Command workqueue has the changes of a shop's orders handled by a group of workers, "mail". The first worker dies in the
// middle of its third mail; the second one goes on there, and with what came while nobody worked. One order cannot be mailed
// about, holds up no other, and is parked after three attempts. A third worker, whose code was mended, replays it.
//
//	go run ./examples/workqueue
//
// Each worker stands for a process: it has a Registry of its own, and nothing in common with the others but the file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "workqueue")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "shop.db")

	// The shop takes orders and delivers nothing, so it never calls Start.
	shop, err := open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.close()) }()
	if err := dies(ctx, out, path, shop); err != nil {
		return err
	}
	if err := goesOn(ctx, out, path, shop); err != nil {
		return err
	}
	return replays(ctx, out, path)
}

// dies is the first worker: two mails are sent, and in the middle of the third its process ends.
func dies(ctx context.Context, out io.Writer, path string, shop *process) error {
	worker, err := open(ctx, path)
	if err != nil {
		return err
	}
	mails, third := 0, make(chan bool)
	m := &mailer{send: func(ctx context.Context, address string) error {
		if mails++; mails == 3 {
			close(third)
			<-ctx.Done()
			return ctx.Err()
		}
		return sendASCII(ctx, address)
	}}
	if err := errors.Join(
		m.work(ctx, worker),
		shop.take(ctx, "o-1", "ann@example.org"),
		shop.take(ctx, "o-2", "bob@example.org"),
		worker.reg.Settle(ctx), // both are handled
		shop.take(ctx, "o-3", "cem@example.org"),
	); err != nil {
		return errors.Join(err, worker.close())
	}
	<-third
	// A process that is killed closes nothing, and its shards are free for others after Options.LeaseTTL. To wait for that
	// here would be dull, so this one closes its Registry; the third mail is undone either way.
	err = worker.close()
	show(out, "the first worker", m)
	fmt.Fprintln(out, "  died over the mail about o-3")
	return err
}

// goesOn is the second worker. Nobody tells it where the first one stopped: the group's place is in the file.
func goesOn(ctx context.Context, out io.Writer, path string, shop *process) error {
	if err := errors.Join(
		shop.take(ctx, "o-4", "post@bücher.example"),
		shop.take(ctx, "o-5", "eve@example.org"),
	); err != nil {
		return err
	}
	worker, err := open(ctx, path)
	if err != nil {
		return err
	}
	m := &mailer{send: sendASCII}
	if err := errors.Join(m.work(ctx, worker), worker.reg.Settle(ctx)); err != nil {
		return errors.Join(err, worker.close())
	}
	gaveUp := <-worker.gaveUp
	err = worker.close()
	show(out, "the second worker", m)
	fmt.Fprintf(out, "  told OnError: %v\n", gaveUp)
	return err
}

// replays is the third worker, with new code. What was parked stays so until somebody asks for it.
func replays(ctx context.Context, out io.Writer, path string) (err error) {
	worker, err := open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.close()) }()
	m := &mailer{send: sendAny}
	if err := m.work(ctx, worker); err != nil {
		return err
	}
	fmt.Fprintln(out, "parked:")
	for p, err := range worker.reg.Parked(ctx, "mail") {
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "  %s, version %d, after %d attempts: %s\n", p.Change.ID, p.Change.Version, p.Attempts, p.Error)
		if err := worker.reg.Replay(ctx, p); err != nil {
			return err
		}
	}
	show(out, "the third worker", m)
	left := 0
	for _, err := range worker.reg.Parked(ctx, "mail") {
		if err != nil {
			return err
		}
		left++
	}
	fmt.Fprintf(out, "parked now: %d\n", left)
	return nil
}

func show(out io.Writer, who string, m *mailer) {
	fmt.Fprintf(out, "%s:\n", who)
	for _, line := range m.lines() {
		fmt.Fprintf(out, "  %s\n", line)
	}
}
