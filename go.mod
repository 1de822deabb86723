module github.com/slokeep/slokeep

go 1.26.0
