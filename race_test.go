//go:build race

package postrider_test

const raceEnabled = true
