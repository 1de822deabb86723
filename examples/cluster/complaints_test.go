package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slokeep/slokeep/slo/engine"
	"github.com/slokeep/slokeep/storage"
	"github.com/slokeep/slokeep/storage/postgres"
)

var errFault = errors.New("a fault")

func TestAnAnswerTellsFaultsFromWhatIsExpected(t *testing.T) {
	unavailable := fmt.Errorf("postgres: read: %w: %w", postgres.ErrUnavailable, io.EOF)
	for _, c := range []struct {
		name string
		err  error
		left bool // the caller has
		want int
	}{
		{"nothing", nil, false, http.StatusOK},
		{"a lost connection", unavailable, false, statusFailed},
		{"two lost connections", errors.Join(unavailable, unavailable), false, statusFailed},
		{"a transaction given up", fmt.Errorf("engine: %w", storage.ErrConflict), false, statusFailed},
		{"a lost commit", fmt.Errorf("engine: %w", postgres.ErrInDoubt), false, statusInDoubt},
		{"a lost commit and a lost connection", errors.Join(unavailable, postgres.ErrInDoubt), false, statusInDoubt},
		{"the caller has left", context.Canceled, true, statusFailed},
		{"somebody else has left", context.Canceled, false, statusRefused},
		{"a contradiction", fmt.Errorf("engine: %w", engine.ErrConflict), false, statusRefused},
		{"a fault", errFault, false, statusRefused},
		{"a fault beside a lost connection", fmt.Errorf("engine: %w", errors.Join(unavailable, errFault)), false, statusRefused},
		{"a fault beside a lost commit", errors.Join(errFault, postgres.ErrInDoubt), false, statusRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			if c.left {
				leave()
			}
			w := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader("{}"))
			answer(func(context.Context, struct{}) (struct{}, error) { return struct{}{}, c.err })(w, r)
			if w.Code != c.want {
				t.Errorf("status %d: want %d", w.Code, c.want)
			}
		})
	}
}

func TestAComplaintIsOfFaultsAlone(t *testing.T) {
	c := complaints{0, t.Context()}
	for _, c2 := range []struct {
		name string
		err  error
		want bool
	}{
		{"a lost connection", io.EOF, false},
		{"two kinds of loss", errors.Join(io.EOF, postgres.ErrUnavailable), false},
		{"a fault beside a loss", errors.Join(io.EOF, errFault), true},
		{"somebody else has left", context.Canceled, true},
	} {
		if got := c.isFault(c2.err); got != c2.want {
			t.Errorf("%s is a fault: %t, want %t", c2.name, got, c2.want)
		}
	}
}

func TestAnAnswerThatIsTornLeavesItInDoubt(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"a": "b`) }))
	defer s.Close()
	p := &process{address: s.Listener.Addr().String()}
	if _, err := call[answers](t.Context(), p, "/ask", question{}); !errors.Is(err, errInDoubt) {
		t.Errorf("it is %v: want %v", err, errInDoubt)
	}
}
