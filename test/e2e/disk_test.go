//go:build linux

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestDiskFull fills the disk under the database: new calls are refused before anything rings, who talks goes on and can
// hang up at once, and when there is room again each record is completed.
func TestDiskFull(t *testing.T) {
	h := build(t)
	dir := small(t)
	h.replace("sqlite:"+filepath.Join(h.dir, "c2d.db"), "sqlite:"+filepath.Join(dir, "c2d.db"))
	if err := os.Symlink(filepath.Join(dir, "c2d-admin.key"), filepath.Join(h.dir, "c2d-admin.key")); err != nil { // is written beside the database
		t.Fatal(err)
	}
	h.start()
	h.withoutStore(func() (back func()) { return fill(t, filepath.Join(dir, "ballast")) })
}

// small returns a file system of a few megabytes.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("c2d", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skip("mounting a small tmpfs needs root: run the tests as root:", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on a file system, until the returned function gives it back.
func fill(t *testing.T, ballast string) (free func()) {
	t.Helper()
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() { _ = f.Close(); _ = os.Remove(ballast) }
}
