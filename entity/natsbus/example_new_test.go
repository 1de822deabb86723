package natsbus_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/slokeep/slokeep/entity/natsbus"
)

// Two processes have a connection each; here they are one, and the server is in it, too.
func ExampleNew() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true})
	if err != nil {
		log.Fatal(err)
	}
	s.Start()
	defer s.Shutdown()
	process := func() *natsbus.Bus {
		conn, err := nats.Connect("", nats.InProcessServer(s), nats.MaxReconnects(-1)) // elsewhere, the servers' addresses
		if err != nil {
			log.Fatal(err)
		}
		bus, err := natsbus.New(conn, "shop.slokeep") // for entity.Options or engine.Options
		if err != nil {
			log.Fatal(err)
		}
		return bus
	}

	one, other := process(), process()
	defer func() { fmt.Println(ctx.Err()) }()
	heard := make(chan struct{}, 1)
	over := make(chan error)
	go func() {
		over <- other.Listen(ctx, func() { heard <- struct{}{} })
	}()
	<-heard // it listens
	if err := one.Wake(ctx); err != nil {
		log.Fatal(err)
	}
	<-heard
	fmt.Println("the other one looks at the Log")
	cancel()
	fmt.Println(<-over)
	// Output:
	// the other one looks at the Log
	// <nil>
	// context canceled
}
