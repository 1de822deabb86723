package main

import (
	"net"
	"testing"
	"time"
)

// A connection that was still being made when the others were cut must not live on.
func TestAProxyRefusesWhatItBeganToConnect(t *testing.T) {
	p, err := newProxy("tcp", "127.0.0.1:1")
	must(t, err)
	add := func() bool {
		client, server := net.Pipe()
		return p.add(&proxied{client, server})
	}
	if !add() {
		t.Error("it refuses, and nobody said that it should")
	}
	p.refuse(time.Hour)
	if add() {
		t.Error("it connects while it refuses")
	}
	p.refuse(0)
	if !add() {
		t.Error("it goes on refusing")
	}
	p.close()
	if add() {
		t.Error("it connects when it is closed")
	}
	p.close()
}
