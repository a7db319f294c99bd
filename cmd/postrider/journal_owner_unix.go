//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/postrider-mq/postrider/internal/journal"
)

// checkOwner refuses root what would leave files that nobody but root can open, to a broker that runs as another user.
func checkOwner(dir string) error {
	segments, err := filesIn(dir, journal.SegmentExt)
	if err != nil || len(segments) == 0 || os.Geteuid() != 0 {
		return err
	}
	info, err := os.Stat(segments[0])
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && s.Uid != 0 {
		return remedied{fmt.Errorf("the journal in %s is that of user %d, who could not open what root writes", dir, s.Uid),
			fmt.Sprintf("be that user: sudo -u '#%d' postrider journal repair %s", s.Uid, dir)}
	}
	return nil
}
