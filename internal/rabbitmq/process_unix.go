//go:build unix

package rabbitmq

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the terminal's interrupt from a program and those that it starts: whoever started it ends it.
func ownGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(c *exec.Cmd) { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) } // it may be gone

func killProcess(pid int) {
	if pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone
	}
}
