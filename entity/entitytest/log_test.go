package entitytest

import (
	"testing"

	"github.com/slokeep/slokeep/entity"
)

func TestMemoryKeepsTheLaws(t *testing.T) {
	RunLog(t, LogHarness{Open: func(testing.TB) entity.Log { return entity.NewMemory() }})
}

func TestAFakeKeepsTheLaws(t *testing.T) {
	for _, unshared := range []bool{false, true} {
		RunLog(t, LogHarness{Open: func(testing.TB) entity.Log {
			f := newFake("")
			f.unshared = unshared
			return f
		}})
	}
}
