//go:build !darwin && !linux && !windows

package machine

func diskSize(string) (int64, error) { return 0, nil }
