package rediscache_test

import (
	"context"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"
)

// quiet is a log for what the tests break on purpose.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// The test with two processes runs this test binary again.
func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	if plan := os.Getenv(writerEnv); plan != "" {
		os.Exit(runWriter(plan))
	}
	os.Exit(m.Run())
}
