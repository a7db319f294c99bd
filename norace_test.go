//go:build !race

package postrider_test

const raceEnabled = false
