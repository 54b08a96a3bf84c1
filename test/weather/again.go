package weather

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// apart tells a process whether it has a network of its own.
const apart = "C2D_APART"

// Again runs a test of this binary as another process, and returns what it printed. env is further environment, flags are
// further flags.
func Again(test string, env []string, flags ...string) (string, error) {
	return again(exec.Command(os.Args[0]), test, append(env, apart+"=no"), flags)
}

// Apart does the same in a network of its own, in which nothing but an lo that is down exists.
func Apart(test string, env []string, flags ...string) (string, error) {
	runtime.LockOSThread() // the kernel ends the process with the thread that began it
	defer runtime.UnlockOSThread()
	cmd := exec.Command(os.Args[0])
	cmd.SysProcAttr = network()
	return again(cmd, test, append(env, apart+"=yes"), flags)
}

func again(cmd *exec.Cmd, test string, env, flags []string) (string, error) {
	cmd.Args = append([]string{cmd.Path, "-test.run=^" + test + "$", "-test.v"}, flags...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// IsApart reports whether this process is one of Apart.
func IsApart() bool { return os.Getenv(apart) == "yes" }

// Inside skips a test that Again or Apart is to run, unless they do.
func Inside(t testing.TB) {
	t.Helper()
	if os.Getenv(apart) == "" {
		t.Skip("another test runs it, in a process of its own")
	}
}
