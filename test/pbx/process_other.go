//go:build !linux

package pbx

import (
	"os"
	"os/user"
	"syscall"
)

// attributes are Linux's own elsewhere: there Debian's PostgreSQL is not found, and the tests skip.
func attributes(*user.User) *syscall.SysProcAttr { return nil }

func signalFamily(leader int, s syscall.Signal) error { return syscall.Kill(leader, s) }

func lockThread() func() { return func() {} }

func killGroup(leader *os.Process) { _ = leader.Kill() }
