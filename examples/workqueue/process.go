package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/slokeep/slokeep/entity"
	"github.com/slokeep/slokeep/storage/sqlite"
)

// Order is the state of an order.
type Order struct {
	Address string `json:"address"`
}

// process is what each process of the shop has: the file, and a Registry on it.
type process struct {
	log    *sqlite.Log
	reg    *entity.Registry
	orders *entity.Handle[Order]
	gaveUp chan *entity.DeliveryError
}

func open(ctx context.Context, path string) (*process, error) {
	log, err := sqlite.OpenLog(ctx, path, nil)
	if err != nil {
		return nil, err
	}
	p := &process{log: log, gaveUp: make(chan *entity.DeliveryError, 10)}
	if err := p.setUp(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *process) setUp(ctx context.Context) error {
	const table = `CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, address TEXT NOT NULL)`
	_, err := p.log.Querier(ctx).ExecContext(ctx, table)
	if err != nil {
		return err
	}
	p.reg, err = entity.NewRegistry(&entity.Options{
		Log:     p.log,
		OnError: p.onError,
		Poll:    10 * time.Millisecond, // how soon a worker sees what another process took
	})
	if err != nil {
		return err
	}
	p.orders, err = entity.Define(p.reg, "order", p.read, nil)
	return err
}

// onError hears of what was given up. Anything else a program would write to its log: a worker goes on after it.
func (p *process) onError(err error) {
	if gaveUp, ok := errors.AsType[*entity.DeliveryError](err); ok {
		p.gaveUp <- gaveUp
	}
}

func (p *process) close() error {
	var err error
	if p.reg != nil {
		err = p.reg.Close()
	}
	return errors.Join(err, p.log.Close())
}

func (p *process) read(ctx context.Context, ids []string, found func(id string, o Order)) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	rows, err := p.log.Querier(ctx).QueryContext(ctx,
		`SELECT id, address FROM orders WHERE id IN (SELECT value FROM json_each(?))`, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var o Order
		if err := rows.Scan(&id, &o.Address); err != nil {
			return err
		}
		found(id, o)
	}
	return rows.Err()
}

// take takes an order.
func (p *process) take(ctx context.Context, id, address string) error {
	return entity.WithWrite(ctx, p.orders, id, func(ctx context.Context) error {
		_, err := p.log.Querier(ctx).ExecContext(ctx, `INSERT INTO orders (id, address) VALUES (?, ?)`, id, address)
		return err
	})
}
