package postgres_test

import (
	"encoding/binary"
	"net"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
)

// fakeServer is one that refuses whoever connects, or where it has no refusal is an old one.
func fakeServer(refusal *pgproto3.ErrorResponse) func(*testing.T, *pgx.ConnConfig, string) {
	return func(t *testing.T, c *pgx.ConnConfig, _ string) {
		c.Host, c.Port = listen(t, func(conn net.Conn) {
			b := pgproto3.NewBackend(conn, conn)
			if _, err := b.ReceiveStartupMessage(); err != nil {
				return
			}
			if refusal != nil {
				b.Send(refusal)
				_ = b.Flush()
				return
			}
			b.Send(&pgproto3.AuthenticationOk{})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			for b.Flush() == nil {
				message, err := b.Receive()
				if err != nil {
					return
				}
				fakeAnswer(b, message)
			}
		})
	}
}

// fakeAnswer says of itself what PostgreSQL 12 does.
func fakeAnswer(b *pgproto3.Backend, message pgproto3.FrontendMessage) {
	switch m := message.(type) {
	case *pgproto3.Parse:
		b.Send(&pgproto3.ParseComplete{})
	case *pgproto3.Describe:
		if m.ObjectType == 'S' {
			b.Send(&pgproto3.ParameterDescription{})
		}
		b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{
			{Name: []byte("version"), DataTypeOID: pgtype.Int4OID, DataTypeSize: 4, TypeModifier: -1},
			{Name: []byte("encoding"), DataTypeOID: pgtype.TextOID, DataTypeSize: -1, TypeModifier: -1},
		}})
	case *pgproto3.Bind:
		b.Send(&pgproto3.BindComplete{})
	case *pgproto3.Execute:
		b.Send(&pgproto3.DataRow{Values: [][]byte{binary.BigEndian.AppendUint32(nil, 120022), []byte("UTF8")}})
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
	case *pgproto3.Close:
		b.Send(&pgproto3.CloseComplete{})
	case *pgproto3.Query: // a ping
		b.Send(&pgproto3.EmptyQueryResponse{})
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	case *pgproto3.Sync:
		b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	}
}

// listen serves connections until the test ends, and returns where.
func listen(t *testing.T, serve func(net.Conn)) (host string, port uint16) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			}()
		}
	}()
	return "127.0.0.1", uint16(l.Addr().(*net.TCPAddr).Port)
}
