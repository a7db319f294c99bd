// Package machine asks the system what there is: memory, open files, what kind of file system a directory is on, whether
// the clock is kept right. What a system does not tell is said to be unknown, and is no error.
package machine
