package postgres

import (
	"context"
	"sync"
	"time"
)

// waker sends one notification for all that are asked for while the one before is on its way.
type waker struct {
	mu      sync.Mutex
	sending bool
	again   bool
}

// wakeWait bounds one notification.
const wakeWait = 10 * time.Second

// Wake notifies all who listen on the schema's channel, and does not wait for that; see entity.Bus. One that does not get
// there is lost, as one that nobody listens to is: who polls finds out.
func (l *Log) Wake(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &l.waker
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sending {
		w.again = true
		return nil
	}
	w.sending = true
	go l.notify()
	return nil
}

// notify sends notifications until no more are asked for. They are no part of a transaction that does anything else, since
// the server commits those that notify one after the other.
func (l *Log) notify() {
	w := &l.waker
	for {
		ctx, cancel := context.WithTimeout(context.Background(), wakeWait)
		_ = l.run(ctx, do(notify, l.schema))
		cancel()
		w.mu.Lock()
		if !w.again {
			w.sending = false
			w.mu.Unlock()
			return
		}
		w.again = false
		w.mu.Unlock()
	}
}

// Listen calls wake for each notification on the schema's channel; see entity.Bus. It has a connection of its own, which is
// none of the pool's. ErrUnavailable: that connection was lost.
func (l *Log) Listen(ctx context.Context, wake func()) error {
	conn, err := l.door.listen(ctx)
	err = unreachable(ctx, err)
	if err == nil {
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWait)
			defer cancel()
			_ = conn.Close(ctx)
		}()
		_, err = conn.Exec(ctx, `LISTEN `+l.identifier())
	}
	if err == nil {
		wake() // for what was committed while nobody listened
	}
	for err == nil {
		if _, err = conn.WaitForNotification(ctx); err == nil {
			wake()
		}
	}
	if ended(ctx) {
		return nil
	}
	return failed("listen", err)
}
