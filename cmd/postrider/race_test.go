//go:build race

package main

// raceFlags build the binary like the tests, unless these are to be short.
var raceFlags = []string{"-race"}
