module github.com/slokeep/slokeep/internal/lincheck

go 1.26.0

replace github.com/slokeep/slokeep => ../../

replace github.com/slokeep/slokeep/cache/redis => ../../cache/redis

replace github.com/slokeep/slokeep/storage/sqlite => ../../storage/sqlite

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/google/go-cmp v0.7.0
	github.com/redis/go-redis/v9 v9.23.0
	github.com/slokeep/slokeep v0.0.0
	github.com/slokeep/slokeep/cache/redis v0.0.0
	github.com/slokeep/slokeep/storage/sqlite v0.0.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	modernc.org/libc v1.77.1 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
	modernc.org/sqlite v1.60.1 // indirect
)
