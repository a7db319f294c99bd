//go:build !linux

package broker

func availableMemory() int64 { return 0 }
