package util // want: internal/util is on no floor
