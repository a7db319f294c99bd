package machine_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/postrider-mq/postrider/internal/machine"
)

func TestLinuxTellsWhatThereIs(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems tell less")
	}
	if n := machine.Memory(); n < 1<<20 || n > 1<<50 {
		t.Errorf("memory is %d bytes", n)
	}
	if n := machine.OpenFiles(); n < 3 {
		t.Errorf("%d files may be open", n)
	}
	if n := machine.OpenFilesOf(os.Getpid()); n != machine.OpenFiles() {
		t.Errorf("of this process it is %d", n)
	}
	if machine.FileSystem(t.TempDir()) == "" {
		t.Error("a directory is on no file system")
	}
	if n := machine.DiskSize(t.TempDir() + "/that/will/be/made"); n < 1<<20 || n != machine.DiskSize(t.TempDir()) {
		t.Errorf("the disk has %d bytes", n)
	}
	if machine.FileSystem("/no/such/directory") != "" {
		t.Error("a directory that does not exist is on a file system")
	}
}
