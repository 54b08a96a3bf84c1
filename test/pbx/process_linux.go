package pbx

import (
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// attributes make a child run as u, if given, and end with us even when we are killed.
func attributes(u *user.User) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT, Setpgid: true}
	if u == nil {
		return a
	}
	if uid, gid, err := ids(u); err == nil {
		a.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return a
}

// lockThread binds the caller to its thread and returns what lets it go.
func lockThread() func() {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// killGroup ends what is left of a program and of the processes that it made, as Kamailio's.
func killGroup(leader *os.Process) { _ = syscall.Kill(-leader.Pid, syscall.SIGKILL) }

// signalFamily signals a process and then its children: a server's processes may have groups of their own.
func signalFamily(leader int, s syscall.Signal) error {
	if err := syscall.Kill(leader, s); err != nil {
		return err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", leader))
	if err != nil {
		return err
	}
	for _, pid := range strings.Fields(string(text)) {
		if n, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(n, s) // one may have ended meanwhile
		}
	}
	return nil
}
