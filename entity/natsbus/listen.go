package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// Listen calls wake for what comes on the subject; see [entity.Bus]. It calls it first when the server has taken the
// subscription, for what was committed while nobody listened: what is woken from then on is heard. After each outage it
// calls it again, and wakes all others, since wakes may have been lost on either side. A server that cannot be reached is no
// error, as long as nats.go tries to reach it.
//
// wake is called by one goroutine, the caller's; while it runs, wakes become one. When Listen returns, nothing of it is left
// in the connection.
//
// entity.ErrClosed: the connection is closed, also by nats.go that gave up, or is being drained.
// nats.ErrPermissionViolation: the server denies the subject, and that is the connection's last error when it is looked at.
func (b *Bus) Listen(ctx context.Context, wake func()) error {
	if ctx.Err() != nil {
		return nil
	}
	known := b.conn.LastError()
	connected := b.conn.StatusChanged(nats.CONNECTED)
	defer b.conn.RemoveStatusListener(connected)
	heard, over := make(chan struct{}, 1), make(chan struct{})
	sub, err := b.conn.Subscribe(b.subject, func(*nats.Msg) {
		select {
		case heard <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return closed("listen", err)
	}
	sub.SetClosedHandler(func(string) { close(over) })
	if !sub.IsValid() { // it ended before that, and may tell nobody
		return closed("listen", nats.ErrConnectionClosed)
	}
	defer func() {
		_ = sub.Unsubscribe() // which fails where it is over
		<-over                // with the goroutine that nats.go has for it
	}()
	if err := sub.SetPendingLimits(pendingMsgs, pendingSize); err != nil {
		return closed("listen", err)
	}
	if err := b.begin(ctx, known); err != nil {
		return err
	}
	wake()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-over:
			return closed("listen", nats.ErrConnectionClosed)
		case <-heard:
			wake()
		case <-connected:
			if err := b.begin(ctx, nil); err != nil {
				return err
			}
			wake()
			_ = b.Wake(ctx) // which fails where the connection has ended again
		}
	}
}

// begin waits until the server has taken the subscription. Where the connection ends meanwhile, or is not there, there is
// another beginning. known is the connection's error that means nothing. A denial is not seen where another error comes
// before it is looked for, since nats.go keeps the last one alone.
func (b *Bus) begin(ctx context.Context, known error) error {
	if !b.conn.IsConnected() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushWait)
	defer cancel()
	_ = b.conn.FlushWithContext(ctx)
	err := b.conn.LastError()
	if err != known && errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), fmt.Sprintf("Subscription to %q", b.subject)) {
		return fmt.Errorf("natsbus: listen: %w", err)
	}
	return nil
}
