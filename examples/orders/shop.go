package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// Order is the state of an order: what other parts of the shop may read, watch and react to. No table looks like it.
type Order struct {
	Status string `json:"status"`
	Items  int    `json:"items"` // computed: how many lines it has
	Cents  int64  `json:"cents"` // computed: their sum
}

// shop is the host. Its tables and slokeep's are in one file, so that one transaction can write to both.
type shop struct {
	log    *sqlite.Log
	reg    *entity.Registry
	orders *entity.Handle[Order]
}

func openShop(ctx context.Context, path string) (*shop, error) {
	log, err := sqlite.OpenLog(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	s := &shop{log: log}
	if err := s.setUp(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *shop) setUp(ctx context.Context) error {
	err := s.exec(ctx, `
		CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, status TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS lines (
			order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE, article TEXT NOT NULL, cents INTEGER NOT NULL)`)
	if err != nil {
		return err
	}
	s.reg, err = entity.NewRegistry(&entity.Options{
		Log:     s.log,
		OnError: func(err error) { fmt.Fprintln(os.Stderr, "orders:", err) },
	})
	if err != nil {
		return err
	}
	s.orders, err = entity.Define(s.reg, "order", s.read, nil)
	return err
}

// close ends the handlers first, since they use the file.
func (s *shop) close() error {
	var err error
	if s.reg != nil {
		err = s.reg.Close()
	}
	return errors.Join(err, s.log.Close())
}

// read is how slokeep sees an order. In a transaction, which ctx has then, it sees what was written there.
func (s *shop) read(ctx context.Context, ids []string, found func(id string, o Order)) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	rows, err := s.log.Querier(ctx).QueryContext(ctx, `
		SELECT id, status, count(cents), coalesce(sum(cents), 0)
		FROM orders LEFT JOIN lines ON order_id = id
		WHERE id IN (SELECT value FROM json_each(?)) GROUP BY id`, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var o Order
		if err := rows.Scan(&id, &o.Status, &o.Items, &o.Cents); err != nil {
			return err
		}
		found(id, o)
	}
	return rows.Err()
}

// What follows are the writes of any shop. None of them knows of slokeep, but for asking the log for the transaction.

var errTooDear = errors.New("more than 500.00 must be asked for by telephone")

func (s *shop) begin(ctx context.Context, id string) error {
	return s.exec(ctx, `INSERT INTO orders (id, status) VALUES (?, 'open')`, id)
}

func (s *shop) add(ctx context.Context, id, article string, cents int64) error {
	if err := s.exec(ctx, `INSERT INTO lines (order_id, article, cents) VALUES (?, ?, ?)`, id, article, cents); err != nil {
		return err
	}
	var sum int64
	err := s.log.Querier(ctx).QueryRowContext(ctx, `SELECT sum(cents) FROM lines WHERE order_id = ?`, id).Scan(&sum)
	if err == nil && sum > 500_00 {
		err = errTooDear // the line is written by now, and goes with the transaction
	}
	return err
}

// advance does nothing the second time, as it is with what may be asked for twice.
func (s *shop) advance(ctx context.Context, id, from, to string) error {
	return s.exec(ctx, `UPDATE orders SET status = ? WHERE id = ? AND status = ?`, to, id, from)
}

func (s *shop) remove(ctx context.Context, id string) error {
	return s.exec(ctx, `DELETE FROM orders WHERE id = ?`, id)
}

func (s *shop) exec(ctx context.Context, query string, args ...any) error {
	_, err := s.log.Querier(ctx).ExecContext(ctx, query, args...)
	return err
}
