package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slokeep/slokeep/entity"
)

// mailer is what the shop's workers run: it mails about each order. What it gets it may get twice, when a worker dies
// between a mail and the note that it was sent; a real one would give the mail server the order's id and Version as its
// key.
type mailer struct {
	send func(ctx context.Context, address string) error

	mu   sync.Mutex
	sent []string
}

// work makes a process a worker of the group.
func (m *mailer) work(ctx context.Context, p *process) error {
	_, err := p.orders.OnChange(m.handle, &entity.SubscribeOptions{
		Group:    "mail",
		Attempts: 3, // then the change is parked
		Backoff:  time.Millisecond,
	})
	if err != nil {
		return err
	}
	return p.reg.Start(ctx)
}

func (m *mailer) handle(ctx context.Context, c entity.Typed[Order]) error {
	if c.Next == nil {
		return nil // an order that is gone
	}
	if err := m.send(ctx, c.Next.Address); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	line := fmt.Sprintf("mailed about %s", c.ID)
	if c.Replayed {
		line += ", replayed"
	}
	m.sent = append(m.sent, line)
	return nil
}

// lines returns what was sent, sorted: orders are worked on side by side, and only the changes of one have an order.
func (m *mailer) lines() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(slices.Values(m.sent))
}

// sendASCII is the first version of the shop's mail code, and has a fault.
func sendASCII(_ context.Context, address string) error {
	if i := strings.IndexFunc(address, func(r rune) bool { return r > 127 }); i >= 0 {
		return fmt.Errorf("address %s: not ASCII at byte %d", address, i)
	}
	return nil
}

// sendAny is the one that was mended.
func sendAny(context.Context, string) error { return nil }
