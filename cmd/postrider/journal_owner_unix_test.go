//go:build unix

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Root would leave segments that the broker's user cannot open: a broker that starts with damage would not start without it.
func TestRootMendsNoJournalOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root may give files away")
	}
	dir := journalOf(t, "lost")
	path, offset := segmentWith(t, dir, "lost")
	damage(t, path, offset, "?")
	for _, path := range []string{dir, path} {
		if err := os.Chown(path, 1, -1); err != nil {
			t.Fatal(err)
		}
	}
	runs(t, "journal", "repair", dir).wants(t, exitFailed, "", "is that of user 1", "sudo -u '#1' postrider journal repair "+dir)
	if made, err := filepath.Glob(filepath.Join(dir, "backup-*")); err != nil || len(made) > 0 {
		t.Errorf("%v, %v", made, err)
	}
	runs(t, "journal", "repair", dir, "--dry-run").wantsIn(t, exitOK, "would be marked as lost")
}
