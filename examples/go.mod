module github.com/slokeep/slokeep/examples

go 1.26.0

replace github.com/slokeep/slokeep => ../

require github.com/slokeep/slokeep v0.0.0
