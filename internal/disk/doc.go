// Package disk is the seam between the journal and a file system.
//
// The journal speaks to an FS: one directory of files that are read and written at offsets, synced, renamed and removed.
// Three things implement it:
//
//   - OS: a directory of the operating system.
//   - Mem: a directory in memory that can crash. After Crash, any subset of what was not synced survives: blocks of file
//     contents, file lengths and directory entries, each on its own.
//   - Faulty: a wrapper around another FS that fails one operation, chosen by its index.
//
// The rules that the three share are those of POSIX at its least generous: the contents of a file are safe after Sync of
// the file, its name is safe after SyncDir of the directory, neither implies the other, and after a failed Sync nobody
// knows what was written, although a read may still show it.
package disk
