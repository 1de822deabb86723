package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/slokeep/slokeep/entity"
)

// door is a pool of the host's, through which connections come.
type door interface {
	acquire(ctx context.Context) (*connection, error)

	// listen returns a connection beside the pool, which the caller closes.
	listen(ctx context.Context) (*pgx.Conn, error)
}

// connection is one that is the caller's until it is released. What is not as it was, in the middle of a transaction or of
// a result, must be closed before.
type connection struct {
	*pgx.Conn
	sql     *sql.Conn // the same, where it comes from a sql.DB
	release func()
}

// pgxDoor is a pool of pgx.
type pgxDoor struct{ pool *pgxpool.Pool }

func (d pgxDoor) acquire(ctx context.Context) (*connection, error) {
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c.Conn(), release: c.Release}, nil
}

// listen takes a connection out of the pool, which makes another in its place when it needs one.
func (d pgxDoor) listen(ctx context.Context) (*pgx.Conn, error) {
	c, err := d.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return c.Hijack(), nil
}

// sqlDoor is a pool of package sql whose driver is pgx.
type sqlDoor struct{ db *sql.DB }

func (d sqlDoor) acquire(ctx context.Context) (*connection, error) {
	c, err := d.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := unwrap(c)
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &connection{Conn: conn, sql: c, release: func() { giveBack(c, conn) }}, nil
}

// giveBack gives a connection back to its pool, or has the pool throw it away when it is closed.
func giveBack(c *sql.Conn, conn *pgx.Conn) {
	if conn.IsClosed() {
		_ = c.Raw(func(any) error { return driver.ErrBadConn })
	}
	_ = c.Close()
}

// listen connects anew, as the pool does: package sql lets no connection go.
func (d sqlDoor) listen(ctx context.Context) (*pgx.Conn, error) {
	c, err := d.acquire(ctx)
	if err != nil {
		return nil, err
	}
	config := c.Config()
	config.OnNotification = nil // else what this one hears is kept, and never looked at, by the other
	c.release()
	return pgx.ConnectConfig(ctx, config)
}

// unwrap returns what a connection of package sql is underneath. It is the caller's for as long as c is.
func unwrap(c *sql.Conn) (conn *pgx.Conn, err error) {
	err = c.Raw(func(raw any) error {
		std, ok := raw.(interface{ Conn() *pgx.Conn })
		if !ok {
			return fmt.Errorf("%w: db has the driver connection %T: want one opened with github.com/jackc/pgx/v5/stdlib", entity.ErrInvalid, raw)
		}
		conn = std.Conn()
		return nil
	})
	return conn, err
}
