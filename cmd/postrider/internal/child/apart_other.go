//go:build !unix

package child

import "os/exec"

// apart does nothing: where there are no process groups, Ctrl-C reaches all processes, and ends them.
func apart(*exec.Cmd) {}
