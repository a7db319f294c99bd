// Package journal keeps records in files so that they survive a crash.
package journal
