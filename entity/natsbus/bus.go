package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"

	"github.com/slokeep/slokeep/entity"
)

// ErrUnavailable says that a wake could not be handed to the connection: it is down and may keep nothing, or it has taken
// nothing for a while. Who polls finds out what there is. It is matched with errors.Is.
var ErrUnavailable = errors.New("the connection takes nothing")

// Bus is an entity.Bus on one subject of a NATS server or cluster. New makes one. It is safe for concurrent use and has
// nothing to close.
type Bus struct {
	conn    *nats.Conn
	subject string
	turn    chan struct{} // full while somebody publishes
	kept    uint64        // of who has the turn: the outage for whose end a wake is kept, 0 for none
}

var _ entity.Bus = (*Bus)(nil)

const (
	maxSubject  = 256                    // bytes
	wakeWait    = 100 * time.Millisecond // for which a process that delivers may be held up
	flushWait   = 10 * time.Second
	pendingMsgs = 1 << 16 // which is what may come while the scheduler is busy elsewhere: they are taken at once
	pendingSize = 16 << 20
)

// New makes the Bus of all who use that subject, on a connection of the host's, which stays the host's: nothing is set on
// it, and it is not closed. It may be down just now. Several Buses may share it.
//
// entity.ErrInvalid: conn is nil or does not hear itself (nats.NoEcho), or subject is not 1 to 256 bytes of valid UTF-8 in
// tokens with dots in between, without blanks, control characters, wildcards (* and >) and a $ at its beginning, which is
// the server's own.
func New(conn *nats.Conn, subject string) (*Bus, error) {
	if conn == nil {
		return nil, invalid("connection nil", "one")
	}
	if conn.Opts.NoEcho {
		return nil, invalid("connection with NoEcho", "one that hears itself")
	}
	if want := wrong(subject); want != "" {
		return nil, invalid(fmt.Sprintf("subject %.64q", subject), want)
	}
	return &Bus{conn: conn, subject: subject, turn: make(chan struct{}, 1)}, nil
}

func invalid(what, want string) error {
	return fmt.Errorf("natsbus: %w: %s: want %s", entity.ErrInvalid, what, want)
}

// wrong returns what a subject should be, "" if it is.
func wrong(subject string) string {
	switch {
	case subject == "" || len(subject) > maxSubject:
		return fmt.Sprintf("1 to %d bytes", maxSubject)
	case !utf8.ValidString(subject):
		return "valid UTF-8"
	case strings.ContainsFunc(subject, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "no blanks and no control characters"
	case strings.ContainsAny(subject, "*>"):
		return "no wildcards"
	case subject[0] == '$':
		return "none of the server's own"
	case strings.Contains("."+subject+".", ".."):
		return "no empty tokens"
	}
	return ""
}

// Wake publishes an empty message on the subject; see [entity.Bus]. It hands it to the connection, which sends it on its
// own, and does not wait for the server: nil does not say that anybody has heard it.
//
// While nats.go tries to connect again, one wake is kept for the end of the outage, and stands for the others. A
// connection that is stuck is waited for until ctx ends, and for a tenth of a second at most; the wake may go out later.
//
// entity.ErrClosed: the connection is closed or being drained. ErrUnavailable: it takes nothing just now.
func (b *Bus) Wake(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	patience, cancel := context.WithTimeout(ctx, wakeWait)
	defer cancel()
	err := b.hand(patience)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case patience.Err() != nil:
		return fmt.Errorf("natsbus: wake: %w: not within %v", ErrUnavailable, wakeWait)
	case errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrConnectionDraining):
		return closed("wake", err)
	}
	return fmt.Errorf("natsbus: wake: %w: %w", ErrUnavailable, err)
}

func closed(what string, err error) error {
	return fmt.Errorf("natsbus: %s: %w: %w", what, entity.ErrClosed, err)
}

// hand publishes, one call after the other, each in a goroutine that need not be waited for: nats.go knows no ctx, and
// writes to the network with its lock held.
func (b *Bus) hand(ctx context.Context) error {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	published := make(chan error, 1)
	go func() {
		published <- b.publish()
		<-b.turn
	}()
	select {
	case err := <-published:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// publish hands a wake to the connection. What nats.go keeps in an outage lies in a buffer that is the host's, too: one wake
// in it is enough. An attempt to connect that fails halfway counts as the end of an outage, and costs another one.
func (b *Bus) publish() error {
	down := b.conn.IsReconnecting() // asked first: where the outage has ended since, the number is another
	outage := b.conn.Stats().Reconnects + 1
	if down && b.kept == outage {
		return nil
	}
	b.kept = 0
	err := b.conn.Publish(b.subject, nil)
	if down && err == nil {
		b.kept = outage
	}
	return err
}
