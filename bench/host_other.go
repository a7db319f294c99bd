//go:build !linux

package main

import (
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Elsewhere the wall clock must do; a run during which it is set has wrong latencies.
func machineClock() int64 { return time.Now().UnixNano() }

func preciseSleep() {}

func sleepUntil(t int64) { time.Sleep(time.Duration(t - now())) }

func syncData(f *os.File) error { return f.Sync() }

func fileSystem(string) string { return "unknown" }

func kernel() string { return runtime.GOOS }

func dieTogether(*exec.Cmd) {}

func ownGroup(*exec.Cmd) {}

func killGroup(c *exec.Cmd) { c.Process.Kill() }
