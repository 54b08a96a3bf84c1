//go:build linux

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
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
	first, second := h.talk("first"), h.talk("second")
	idle := h.soft("idle", 600, phone.Never())
	free := fill(t, filepath.Join(dir, "ballast"))
	pbx.Eventually(t, soon, "a new call is refused", func() bool {
		_, _, err := h.order(order{Key: "full", Caller: idle.login, Callee: first.caller.login})
		var no *client.Problem
		return errors.As(err, &no) && no.Status == 503
	})
	first.hear()
	first.caller.does("hang up", first.caller.HangUp)
	first.callee.released()
	begun := time.Now()
	if _, err := h.api.HangUp(t.Context(), second.call.ID); err != nil {
		t.Error("hang up over the API:", err)
	}
	for _, s := range []*soft{second.caller, second.callee} {
		s.released()
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("the phones were let go after %s", took)
	}
	if n := idle.rings(); n != 0 {
		t.Errorf("a refused call rang %d times", n)
	}
	free()
	first.over("completed", "caller", "caller", 1, 1)
	second.over("completed", "", "api", 1, 1)
	pbx.Eventually(t, soon, "the records are complete", func() bool { return h.told(first.call, "call.ended") == 1 && h.told(second.call, "call.ended") == 1 })
}

// small returns a file system of a few megabytes.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("c2d", dir, "tmpfs", 0, "size=8m"); err != nil {
		t.Skip("needs root, to mount a small tmpfs:", err)
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
