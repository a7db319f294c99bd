//go:build race

package brokers

var raceFlags = []string{"-race"}
