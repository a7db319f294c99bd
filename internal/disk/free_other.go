//go:build !darwin && !linux && !windows

package disk

import "math"

func free(string) (int64, error) { return math.MaxInt64, nil }
