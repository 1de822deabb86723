package cachetest_test

import "testing"

func TestAProviderOfAUsersOwnKeepsTheLaws(t *testing.T) { testShelf(t) }
