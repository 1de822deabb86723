package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/slokeep/slokeep/entity"
)

// Sentinels of this package, matched with errors.Is. What PostgreSQL says comes wrapped beside them: errors.As finds the
// *pgconn.PgError with its code.
var (
	// ErrNewer says that a schema was migrated by a newer version of this package, which this one might do harm to. Nothing
	// was changed.
	ErrNewer = errors.New("the schema is newer than this program")

	// ErrForeign says that the schema has tables with names of this package's that are not this package's. Nothing was
	// changed. Choose another Options.Schema.
	ErrForeign = errors.New("another program's tables are in the way: choose another schema")

	// ErrUnavailable says that there is no server to be reached, that it is going down or has no connection, memory or disk
	// left, or that a connection was lost. What it happened in has changed nothing. It may be tried again.
	ErrUnavailable = errors.New("the server cannot be reached: check the address, and that it runs, then try again")

	// ErrDenied says that the server refuses: the user, the password, the database, a right that is missing, or that it is
	// a read-only standby. Trying again does not help.
	ErrDenied = errors.New("the server refuses: check user, password, database and rights")

	// ErrInDoubt says that the connection was lost during a commit, or a write outside of a transaction, which is one: nobody
	// knows whether it has committed; all of it has, or nothing. What slokeep's engine writes can be written again in either
	// case. No such error matches ErrUnavailable.
	ErrInDoubt = errors.New("whether the transaction has committed is not known")
)

// failed wraps an error with what failed, and with the sentinel that says what to do about it. The errors of contexts are
// returned as they are.
func failed(what string, err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case known(err):
		return fmt.Errorf("postgres: %s: %w", what, err)
	}
	if kind := classify(err); kind != nil {
		return fmt.Errorf("postgres: %s: %w: %w", what, kind, err)
	}
	return fmt.Errorf("postgres: %s: %w", what, err)
}

// known reports whether an error says already what it is.
func known(err error) bool {
	for _, sentinel := range []error{
		ErrNewer, ErrForeign, ErrUnavailable, ErrDenied, ErrInDoubt,
		entity.ErrInvalid, entity.ErrConflict, entity.ErrClosed, entity.ErrLeaseLost, entity.ErrNotFound,
	} {
		if errors.Is(err, sentinel) {
			return true
		}
	}
	return false
}

func classify(err error) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return classifyCode(e.Code)
	}
	var network net.Error
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	switch {
	case errors.Is(err, puddle.ErrClosedPool) || errors.Is(err, sql.ErrConnDone) || isDBClosed(err):
		return entity.ErrClosed
	case connecting || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		return ErrUnavailable
	}
	return nil
}

// isDBClosed reports whether an error is the one of a closed sql.DB, which package sql does not export.
func isDBClosed(err error) bool { return strings.HasSuffix(err.Error(), "sql: database is closed") }

// classifyCode knows the codes of https://www.postgresql.org/docs/current/errcodes-appendix.html.
func classifyCode(code string) error {
	switch code {
	case "40001", "40P01", "55P03", "57014": // serialization_failure, deadlock_detected, lock_timeout, statement_timeout
		return entity.ErrConflict
	case "22021", "22P05", "54000": // character_not_in_repertoire, untranslatable_character, a key too long for an index
		return entity.ErrInvalid
	case "3D000", "42501", "25006": // invalid_catalog_name, insufficient_privilege, read_only_sql_transaction
		return ErrDenied
	case "53000", "53100", "53200", "53300", "57P01", "57P02", "57P03", "57P05": // insufficient_resources, shutdowns, cannot_connect_now, idle_session_timeout
		return ErrUnavailable
	case "25P03", "25P04": // idle_in_transaction_session_timeout, transaction_timeout
		return ErrUnavailable
	}
	switch {
	case strings.HasPrefix(code, "28"): // invalid_authorization_specification
		return ErrDenied
	case strings.HasPrefix(code, "08"): // connection_exception
		return ErrUnavailable
	}
	return nil
}

// doubtful reports whether what an error of sending a commit ended may have committed nevertheless. reached says whether
// all that was sent before the commit has been answered: a server that takes its leave before has not got there.
func doubtful(err error, reached bool) bool {
	if _, before := errors.AsType[pgx.ErrPreprocessingBatch](err); before || pgconn.SafeToRetry(err) {
		return false
	}
	e, said := errors.AsType[*pgconn.PgError](err)
	return !said || reached && (e.Severity == "FATAL" || e.Severity == "PANIC" || e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC")
}

// inDoubt is an error that matches ErrInDoubt, and all that its cause matches but ErrUnavailable.
type inDoubt struct{ cause error }

func (e inDoubt) Error() string {
	cause := strings.ReplaceAll(e.cause.Error(), ErrUnavailable.Error()+": ", "") // which says to try again
	return fmt.Sprintf("postgres: commit: %v: %s", ErrInDoubt, cause)
}

func (e inDoubt) Is(target error) bool {
	return target == ErrInDoubt || target != ErrUnavailable && errors.Is(e.cause, target)
}

func (e inDoubt) As(target any) bool { return errors.As(e.cause, target) }

// unreachable says of an error of connecting what it is. Where ctx has not ended, it was the pool's own patience that has.
func unreachable(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && !ended(ctx) {
		return fmt.Errorf("postgres: connect: %w: %v", ErrUnavailable, err) // the cause must not pass for the end of ctx
	}
	return failed("connect", err)
}

// ended reports whether ctx has ended. A connection knows its deadline, and may be a moment ahead of it.
func ended(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}
