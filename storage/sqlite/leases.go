package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/internal/sqlstore"
)

// lease is a row of the leases.
type lease struct {
	holder string
	number int64
	until  int64
}

// Lease takes, prolongs or gives up leases; see entity.Leases. The time is that of the machine, which all who share the
// file have in common. Who only sees that all are taken waits for no writer. Names and holders that are blank match
// entity.ErrInvalid, and so does a negative ttl.
func (l *Log) Lease(ctx context.Context, names []string, holder string, ttl time.Duration) ([]entity.Token, error) {
	if ttl < 0 {
		return nil, fmt.Errorf("sqlite: %w: ttl %v: want 0 or more", entity.ErrInvalid, ttl)
	}
	if err := check.Names("lease", names...); err != nil {
		return nil, err
	}
	if err := check.Names("holder", holder); err != nil {
		return nil, err
	}
	if l.transaction(ctx) == nil {
		rows, err := l.leases(ctx, names)
		if err != nil {
			return nil, err
		}
		if tokens, changed := take(rows, names, holder, ttl); len(changed) == 0 {
			return tokens, nil
		}
	}
	// Lost with the machine, a lease is lost by all who knew of it.
	var tokens []entity.Token
	err := l.write(ctx, true, func(t *transaction) error {
		rows, err := l.leases(t.context(ctx), names)
		if err != nil {
			return err
		}
		var changed []string
		tokens, changed = take(rows, names, holder, ttl)
		for _, name := range changed {
			r := rows[name]
			if _, err := t.exec(putLease, name, r.holder, r.number, r.until); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

// take works out what Lease does to the rows, which it changes, and which of them have changed.
func take(rows map[string]lease, names []string, holder string, ttl time.Duration) (tokens []entity.Token, changed []string) {
	now := time.Now()
	tokens = make([]entity.Token, len(names))
	for i, name := range names {
		tokens[i].Name = name
		r := rows[name]
		mine := r.holder == holder
		switch {
		case ttl == 0 && !mine:
			continue
		case ttl == 0:
			r.holder, r.until = "", 0
		case !mine && r.holder != "" && r.until > now.UnixMicro():
			continue
		case !mine:
			r.holder = holder
			r.number++
		}
		if ttl > 0 {
			r.until = now.Add(ttl).UnixMicro()
			tokens[i].Number = r.number
		}
		rows[name] = r
		changed = append(changed, name)
	}
	return tokens, changed
}

// leases reads the rows of these names.
func (l *Log) leases(ctx context.Context, names []string) (map[string]lease, error) {
	rows := make(map[string]lease, len(names))
	type named struct {
		name string
		lease
	}
	for r, err := range chunks(names, func(names []string) (list []named, err error) {
		err = l.query(ctx, leaseMany, func(rows *sql.Rows) error {
			var r named
			err := rows.Scan(&r.name, &r.holder, &r.number, &r.until)
			list = append(list, r)
			return err
		}, fill(nil, names)...)
		return list, err
	}) {
		if err != nil {
			return nil, err
		}
		rows[r.name] = r.lease
	}
	return rows, nil
}

// Leases lists the leases in force; see entity.Leases.
func (l *Log) Leases(ctx context.Context, prefix string) iter.Seq2[entity.Lease, error] {
	if err := check.Keys("prefix", prefix); err != nil {
		return sqlstore.Failing[entity.Lease](err)
	}
	all := sqlstore.Pages(pageSize, func(after *entity.Lease) ([]entity.Lease, error) {
		from := prefix
		if after != nil {
			from = after.Name + "\x00" // the next string
		}
		var page []entity.Lease
		err := l.query(ctx, leasePage, func(rows *sql.Rows) error {
			var r entity.Lease
			err := rows.Scan(&r.Name, &r.Holder, &r.Number)
			page = append(page, r)
			return err
		}, from, time.Now().UnixMicro())
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

// newest checks that a token is the newest of its lease.
func (t *transaction) newest(token entity.Token) error {
	if token.Number > 0 {
		found := false
		err := t.query(newestToken, func(*sql.Rows) error { found = true; return nil }, token.Name, token.Number)
		if err != nil || found {
			return err
		}
	}
	return lost(token)
}

func lost(token entity.Token) error {
	return fmt.Errorf("sqlite: %w: %q", entity.ErrLeaseLost, token.Name)
}
