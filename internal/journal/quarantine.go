package journal

import (
	"fmt"
	"io"
	"path"

	"github.com/postrider-mq/postrider/internal/disk"
)

// maxQuarantine bounds what is copied where no intact header says how long the damage is.
const maxQuarantine = 1 << 20

// Quarantine copies the bytes of a record that cannot be read into a file of the directory's quarantine and returns its
// name. Where the disk does not even give its bytes there are zeros. Errors: ErrGone; those of the disk.
func (j *Journal) Quarantine(lsn LSN) (name string, err error) {
	s := j.segment(lsn)
	if s == nil {
		return "", ErrGone
	}
	raw, err := j.salvage(s, lsn)
	if err != nil {
		return "", err
	}
	name = path.Join(quarantineDir, fmt.Sprintf("%s-%d.bin", s.name(), s.offset(lsn)))
	if err := keepAside(j.fs, name, raw); err != nil {
		return "", fmt.Errorf("copy what is damaged into %s of %s: %w", name, j.fs, err)
	}
	j.aside.Add(1)
	return name, j.fs.SyncDir(quarantineDir)
}

// salvage returns the bytes at lsn: those of one record if its header is intact, else what lies before the next one that is.
func (j *Journal) salvage(s *segment, lsn LSN) ([]byte, error) {
	var head [recordHeaderSize]byte
	if err := j.readPages(s, head[:], lsn); err != nil {
		return nil, err
	}
	length := LSN(maxQuarantine)
	h, intact := parseRecordHeader(head[:], lsn)
	if intact {
		length = LSN(recordSize(int(h.length)))
	}
	raw := make([]byte, min(length, s.end()-lsn))
	if err := j.readPages(s, raw, lsn); err != nil || intact {
		return raw, err
	}
	sc := newScanner(raw, lsn, s.salt, true)
	if sc.next() {
		raw = sc.raw
	}
	return raw, nil
}

// readPages fills b with what can be read of it; zeros stand in for the rest.
func (j *Journal) readPages(s *segment, b []byte, lsn LSN) error {
	const page = 4096
	for at := 0; at < len(b); {
		off := s.offset(lsn + LSN(at))
		piece := b[at:min(len(b), at+page-int(off%page))]
		s.mu.RLock()
		if s.file == nil {
			s.mu.RUnlock()
			return ErrGone
		}
		n, err := s.file.ReadAt(piece, off)
		s.mu.RUnlock()
		clear(piece[n:])
		if err != nil && err != io.EOF {
			clear(piece)
		}
		at += len(piece)
	}
	return nil
}

// keepAside writes a file with what is damaged, or about to be changed.
func keepAside(fs disk.FS, name string, raw []byte) error {
	file, err := fs.Create(name)
	if err != nil {
		return err
	}
	if _, err = file.WriteAt(raw, 0); err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}
