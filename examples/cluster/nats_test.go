package main

import "testing"

func TestNATSIsAlwaysReachedThroughTheProxy(t *testing.T) {
	for where, want := range map[string]string{
		"nats://127.0.0.1:4222":           "nats://127.0.0.1:1",
		"nats://me:word@host:4222":        "nats://me:word@127.0.0.1:1",
		"127.0.0.1:4222":                  "nats://127.0.0.1:1",
		"localhost:4222":                  "nats://127.0.0.1:1",
		"nats://one:4222,nats://two:4222": "nats://127.0.0.1:1",
		"localhost":                       "nats://127.0.0.1:1",
		"tls://host":                      "tls://127.0.0.1:1",
	} {
		if got := natsAt(where, "127.0.0.1:1"); got != want {
			t.Errorf("natsAt(%q) = %q, want %q", where, got, want)
		}
	}
}
