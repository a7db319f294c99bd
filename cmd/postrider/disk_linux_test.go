package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
)

// nobody is a user without rights; tests that run as root ask him where rights matter.
const nobody = 65534

func TestADirectoryThatIsReadOnly(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "postrider-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{dir, filepath.Join(dir, "data")} {
		o := runWith(t, "", func(cmd *exec.Cmd) {
			if os.Getuid() == 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			}
		}, "serve", "--dir", data, "--listen", "127.0.0.1:0")
		o.wants(t, exitFailed, "", data, "permission denied", "choose another directory")
		wantOneLine(t, o.stderr)
	}
}

func TestABrokerWhoseDiskFailedExits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, url := serving(t, "--dir", dir)
	limitFiles(t, b.cmd.Process.Pid)
	o := runs(t, "send", "mailbox:jobs", "x", "--broker", url, "--timeout", "2s")
	if o.code != exitFailed {
		t.Errorf("a send was confirmed by a broker that cannot write")
	}
	b.wait().wants(t, exitFailed, "listening on "+url+"\n", "postrider: the disk failed", dir)
}

// limitFiles lets a process write no more: each write to a file fails.
func limitFiles(t *testing.T, pid int) {
	t.Helper()
	limit := syscall.Rlimit{}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
	if errno != 0 {
		t.Skip("prlimit:", errno)
	}
}
