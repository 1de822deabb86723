package postgres_test

import (
	"os"
	"testing"

	"github.com/slokeep/slokeep/internal/crashtest"
)

// Tests with several processes run this test binary again.
func TestMain(m *testing.M) {
	if schema := os.Getenv(openerEnv); schema != "" {
		os.Exit(runOpener(schema))
	}
	if crashtest.IsWorker() {
		os.Exit(crashtest.Work(openWorker, inOrder))
	}
	os.Exit(m.Run())
}
