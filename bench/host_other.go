//go:build !linux

package main

import (
	"os"
	"os/exec"
	"runtime"
)

func syncData(f *os.File) error { return f.Sync() }

func fileSystem(string) string { return "unknown" }

func kernel() string { return runtime.GOOS }

func dieTogether(*exec.Cmd) {}

func ownGroup(*exec.Cmd) {}

func killGroup(c *exec.Cmd) { c.Process.Kill() }
