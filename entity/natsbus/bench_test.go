package natsbus_test

import "testing"

// BenchmarkWake is a wake until somebody on another connection has heard it, and BenchmarkWakeAlone what it costs who wakes.
func BenchmarkWake(b *testing.B) {
	url, subject := startServer(b, nil).ClientURL(), newSubject()
	bus, l := newBus(b, connect(b, url), subject), listen(b, newBus(b, connect(b, url), subject))
	for b.Loop() {
		if err := bus.Wake(b.Context()); err != nil {
			b.Fatal(err)
		}
		<-l.heard
	}
}

func BenchmarkWakeAlone(b *testing.B) {
	bus := newBus(b, connect(b, startServer(b, nil).ClientURL()), newSubject())
	b.ReportAllocs()
	for b.Loop() {
		if err := bus.Wake(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
