package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/postrider-mq/postrider/internal/disk"
	"github.com/postrider-mq/postrider/internal/journal"
	"github.com/postrider-mq/postrider/internal/machine"
)

// directory looks at the data directory, or where it would be made.
func (d *doctor) directory(ctx context.Context) {
	dir := d.o.dir
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := existing(dir)
		if d.writable(parent) {
			d.ok("directory", "%s does not exist: serve makes it", dir)
			d.disk(parent)
		}
		return
	case err != nil:
		d.bad("directory", "name another with --dir, or mend its permissions", "%s: %v", dir, cause(err))
		return
	case !info.IsDir():
		d.bad("directory", "name another with --dir", "%s is not a directory", dir)
		return
	}
	inUse := d.lock(dir)
	if inUse {
		d.publishers(ctx, dir)
	}
	if !d.writable(dir) {
		return
	}
	if private := info.Mode().Perm()&0o077 == 0; !private && info.Mode().Perm() != 0o777 { // 0o777 is what Windows makes of it
		d.warn("directory", "chmod 700 "+dir, "%s has the mode %04o: others may read the messages in it", dir, info.Mode().Perm())
	} else if !inUse {
		d.ok("directory", "%s is free to use", dir)
	}
	d.disk(dir)
	d.journal(dir, inUse)
}

// publishers asks the broker in a directory whether they have to wait.
func (d *doctor) publishers(ctx context.Context, dir string) {
	const check = "publishers"
	var nodes []struct {
		alarms
		Memory int64 `json:"mem_used"`
		Free   int64 `json:"disk_free"`
	}
	o := owner{dir: dir}
	ctx, cancel := d.o.within(ctx)
	defer cancel()
	_, err := o.ask(ctx, http.MethodGet, "/api/nodes", nil, &nodes)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		d.bad(check, "see what its log says, and whether the process is stopped or starved; it may be starting, too", "whether they have to wait is not known: the broker does not answer within %s", d.o.timeout)
		return
	case err != nil:
		d.warn(check, "be the user who runs the broker", "whether they have to wait is not known: %v", err)
		return
	case len(nodes) != 1:
		return
	}
	n := nodes[0]
	if n.LowOnMemory {
		d.bad(check, "consume what is in the queues, or give the process more memory or a higher --memory-mark", "they wait: the broker is low on memory, it has %s", sizeText(n.Memory))
	}
	if n.LowOnDisk {
		d.bad(check, "consume what is in the queues, make room on the disk, or see to what its log says of the journal", "they wait: the broker is low on disk, of which %s are free", sizeText(n.Free))
	}
	if n.LowOnFiles {
		d.bad(check, "consume what is in the queues, close connections, or raise the limit, as with ulimit -n or LimitNOFILE", "they wait: the journal may open no other file")
	}
	if n.alarms == (alarms{}) {
		d.ok(check, "they need not wait")
	}
}

// existing is the nearest directory above that exists.
func existing(dir string) string {
	for {
		dir = filepath.Dir(dir)
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
	}
}

// lock tells whether a broker uses the directory.
func (d *doctor) lock(dir string) bool {
	err := journal.InUse(disk.View(dir))
	var locked *disk.LockedError
	switch {
	case errors.As(err, &locked):
		d.ok("directory", "%s is used by a broker, process %d", dir, locked.PID)
		d.fewFiles("%d may be open by the broker", machine.OpenFilesOf(locked.PID))
		return true
	case err != nil:
		d.bad("directory", "mend its permissions: they belong to the user who runs the broker", "%v", err)
	}
	return false
}

// trialPrefix begins the names of what is written and removed again. The rest is drawn: whoever can write there cannot have put a link in its place, which root
// would follow.
const trialPrefix = ".postrider-doctor-"

func trialFile() string { return trialPrefix + rand.Text() }

func (d *doctor) writable(dir string) bool {
	trial := trialFile()
	f, err := disk.OS(dir).Create(trial)
	if err == nil {
		err = errors.Join(f.Close(), disk.OS(dir).Remove(trial))
	}
	if err != nil {
		d.bad("directory", "run as the user it belongs to, change that with chown, or name another with --dir", "%s cannot be written to: %v", dir, cause(err))
	}
	return err == nil
}

// disk looks at the file system of a directory that can be written to.
func (d *doctor) disk(dir string) {
	d.fileSystem(dir)
	switch free, err := disk.OS(dir).Free(); {
	case err != nil:
		d.warn("free space", "", "%v", err)
	case free < journal.SizeFor(machine.DiskSize(dir)):
		d.bad("free space", "make room: publishers wait while there is less than 50 MiB or a segment's size", "%s", sizeText(free))
	case free < 1<<30:
		d.warn("free space", "make room before publishers have to wait", "%s", sizeText(free))
	default:
		d.ok("free space", "%s", sizeText(free))
	}
	d.latency(dir)
}

// fileSystem names those on which a sync does not mean what it has to.
func (d *doctor) fileSystem(dir string) {
	switch kind := machine.FileSystem(dir); kind {
	case "":
	case "tmpfs", "ramfs":
		d.bad("file system", "put --dir on a disk, or say --memory where nothing has to be kept", "%s is on %s, in memory: what is confirmed is lost when the machine stops", dir, kind)
	case "overlay":
		d.warn("file system", "mount a volume for --dir", "%s is on %s, as containers have it: it goes with the container", dir, kind)
	case "nfs", "smb", "smb2", "cifs", "9p", "fuse", "ceph":
		d.warn("file system", "put --dir on a disk of this machine, or make sure that the server syncs", "%s is on %s: what a sync means there is the server's or the host's to say", dir, kind)
	case "vfat", "exfat":
		d.warn("file system", "put --dir on ext4, xfs or another with a journal", "%s is on %s, which a crash can damage", dir, kind)
	default:
		d.ok("file system", "%s", kind)
	}
}

// What is measured of a disk: so many syncs of a block, within so much time.
const (
	trialSyncs = 32
	trialTime  = 2 * time.Second
	trialBlock = 4096
)

// latency measures how long the disk takes to have a block for certain.
func (d *doctor) latency(dir string) {
	took, err := syncTimes(disk.OS(dir))
	if err != nil {
		d.bad("fdatasync", "see to the disk: the broker stops at the first error of a sync", "%v", err)
		return
	}
	slices.Sort(took)
	median, longest := took[len(took)/2], took[len(took)-1]
	found := fmt.Sprintf("median %s, longest %s of %d", rounded(median), rounded(longest), len(took))
	switch {
	case median < 5*time.Microsecond:
		d.warn("fdatasync", "see that the host or the controller does not acknowledge what it has not stored", "%s: faster than any disk", found)
	case median > 50*time.Millisecond:
		d.warn("fdatasync", "a lone publisher waits that long for each message: post many at a time, or take a faster disk", "%s: slow", found)
	default:
		d.ok("fdatasync", "%s", found)
	}
}

func syncTimes(dir disk.FS) (took []time.Duration, err error) {
	trial := trialFile()
	f, err := dir.Create(trial)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), dir.Remove(trial)) }()
	block := make([]byte, trialBlock)
	for begin := time.Now(); len(took) < trialSyncs && time.Since(begin) < trialTime; {
		if _, err := f.WriteAt(block, int64(len(took)*trialBlock)); err != nil {
			return nil, err
		}
		wrote := time.Now()
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(wrote))
	}
	return took, nil
}

// quickJournal is how long a journal may be, in bytes, to be read by the way.
const quickJournal = 1 << 30

// journal reads the journal, if that is quickly done.
func (d *doctor) journal(dir string, inUse bool) {
	size, segments := int64(0), 0
	names, err := disk.View(dir).List(".")
	for _, name := range names {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && isSegment(name) {
			size, segments = size+info.Size(), segments+1
		}
	}
	switch {
	case err != nil:
		d.bad("journal", "", "%v", err)
		return
	case segments == 0:
		return
	case size > quickJournal:
		d.ok("journal", "%s in %s: to check all of it: postrider journal verify %s", sizeText(size), count(segments, "segment"), dir)
		return
	}
	r, err := journal.Inspect(disk.View(dir), func(e journal.Entry) error {
		if why := checkRecord(e.Record); why != nil {
			return fmt.Errorf("%s at offset %d: %w", e.Segment, e.Offset, why)
		}
		return nil
	}, nil)
	switch {
	case inUse && (err != nil || len(r.Damaged) > 0):
		d.warn("journal", "once the broker has stopped: postrider journal verify "+dir, "it cannot be told while a broker writes to it whether it is intact")
	case err != nil:
		d.bad("journal", "postrider journal verify "+dir, "%v", err)
	case len(r.Damaged) > 0:
		d.bad("journal", "what is readable is served; see what can be mended: postrider journal repair "+dir+" --dry-run", "damaged in %d places, the first: %s at offset %d: %s",
			len(r.Damaged), r.Damaged[0].Segment, r.Damaged[0].Offset, r.Damaged[0].Reason)
	default:
		d.ok("journal", "%s in %s: intact", sizeText(size), count(r.Segments, "segment"))
	}
}
