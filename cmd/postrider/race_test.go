//go:build race

package main

// raceFlags build the binary like the tests.
var raceFlags = []string{"-race"}
