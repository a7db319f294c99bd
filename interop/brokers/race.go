//go:build race

package brokers

var raceFlags = []string{"-race", "-pgo=off"}
