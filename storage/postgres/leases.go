package postgres

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// Lease takes, prolongs or gives up leases, in one statement; see entity.Leases. The time is the server's. Names and holders
// that are blank match entity.ErrInvalid, and so does a negative ttl.
func (l *Log) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	if ttl < 0 {
		return nil, fmt.Errorf("postgres: %w: ttl %v: want 0 or more", entity.ErrInvalid, ttl)
	}
	if err := check.Names("lease", names...); err != nil {
		return nil, err
	}
	if err := check.Names("holder", holder); err != nil {
		return nil, err
	}
	tokens := make([]entity.Token, len(names))
	for i, name := range names {
		tokens[i].Name = name
	}
	keys := sqlstore.Distinct(names)
	if len(names) == 0 {
		return tokens, ctx.Err()
	}
	if ttl == 0 {
		if err := l.run(ctx, do(releaseLeases, keys, holder)); err != nil {
			return nil, err
		}
		return tokens, nil
	}
	numbers := make(map[string]int64, len(keys))
	err := l.query(ctx, takeLeases, func(rows pgx.Rows) error {
		var name string
		var number int64
		err := rows.Scan(&name, &number)
		numbers[name] = number
		return err
	}, keys, holder, max(ttl.Microseconds(), 1))
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		tokens[i].Number = numbers[name]
	}
	return tokens, nil
}

// Leases lists the leases in force; see entity.Leases.
func (l *Log) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	if err := check.Keys("prefix", prefix); err != nil {
		return sqlstore.Failing[entity.Lease](err)
	}
	all := sqlstore.Pages(pageSize, func(after *entity.Lease) (page []entity.Lease, err error) {
		from := prefix
		if after != nil {
			from = after.Name + "\x01" // a NUL would be the next string, but PostgreSQL has none
		}
		err = l.query(ctx, leasePage, func(rows pgx.Rows) error {
			var r entity.Lease
			err := rows.Scan(&r.Name, &r.Holder, &r.Number)
			page = append(page, r)
			return err
		}, from)
		return page, err
	})
	return func(yield func(entity.Lease, error) bool) {
		for r, err := range all {
			if err == nil && !strings.HasPrefix(r.Name, prefix) || !yield(r, err) {
				return
			}
		}
	}
}

// newest checks that a token is the newest of its lease, which stays so until the transaction ends.
func (t *transaction) newest(ctx context.Context, token entity.Token) error {
	if token.Number > 0 {
		found := false
		err := t.send(ctx, ask(newestToken, func(pgx.Rows) error { found = true; return nil }, token.Name, token.Number))
		if err != nil || found {
			return err
		}
	}
	return lost(token)
}

func lost(token entity.Token) error {
	return fmt.Errorf("postgres: %w: %q", entity.ErrLeaseLost, token.Name)
}
