//go:build !linux

package machine

// FileSystem is the kind of file system that a directory is on; "" when the system does not tell.
func FileSystem(string) string { return "" }
