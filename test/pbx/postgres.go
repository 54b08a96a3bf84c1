package pbx

import (
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// Postgres returns the URL of a new empty database in a private cluster, which all tests of the process share while
// any of them runs: it starts with the first that asks and stops with the last. It skips the test where Debian's
// PostgreSQL is not installed.
func Postgres(t testing.TB) string {
	t.Helper()
	return shared.join(t).NewDatabase(t)
}

// shared is the one cluster of the process, counted by the tests that use it.
var shared sharing

type sharing struct {
	mu      sync.Mutex
	users   int
	cluster *Cluster
}

func (s *sharing) join(t testing.TB) *Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == 0 {
		s.cluster = newCluster(t)
	}
	s.users++
	t.Cleanup(func() { s.leave(t) })
	return s.cluster
}

func (s *sharing) leave(t testing.TB) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users--; s.users == 0 {
		s.cluster.remove(t)
	}
}

// Cluster is a private PostgreSQL server on a Unix socket in a directory of its own; fsync is on, and its collation is
// a natural language's, so that what relies on the order of bytes without saying so is found out.
type Cluster struct {
	bin  string
	dir  string
	proc *process
	made atomic.Int32
}

// StartPostgres starts a cluster for one test, which may stop and start it; it is removed when the test ends.
func StartPostgres(t testing.TB) *Cluster {
	t.Helper()
	c := newCluster(t)
	t.Cleanup(func() { c.remove(t) })
	return c
}

func newCluster(t testing.TB) *Cluster {
	t.Helper()
	if testing.Short() {
		t.Skip("-short leaves PostgreSQL out: make test runs it")
	}
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(bins) == 0 {
		missing(t, "postgresql")
	}
	dir, err := os.MkdirTemp("", "c2d-pg")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{bin: filepath.Dir(bins[len(bins)-1]), dir: dir}
	defer c.removeUnlessStarted(t)
	if err := c.give(); err != nil {
		t.Fatalf("cannot give %s to an unprivileged user: %v", dir, err)
	}
	c.run(t, "initdb", "-D", c.data(), "-U", "c2d", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8",
		"--locale-provider=icu", "--icu-locale=zh")
	c.Start(t)
	return c
}

// removeUnlessStarted cleans up after a start that ended the test.
func (c *Cluster) removeUnlessStarted(t testing.TB) {
	if c.proc == nil {
		c.remove(t)
	}
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// NewDatabase creates an empty database and returns its URL.
func (c *Cluster) NewDatabase(t testing.TB) string {
	t.Helper()
	name := "t" + strconv.Itoa(int(c.made.Add(1)))
	c.run(t, "createdb", "-h", c.dir, "-U", "c2d", name)
	q := url.Values{"host": {c.dir}, "sslmode": {"disable"}}
	return "postgres://c2d@/" + name + "?" + q.Encode()
}

// Start starts the server and returns when it accepts connections.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(filepath.Join(c.bin, "postgres"), "-D", c.data(), "-k", c.dir, "-c", "listen_addresses=",
		"-c", "lc_messages=C", "-c", "max_connections=100", "-c", "shared_buffers=32MB")
	cmd.Dir, cmd.SysProcAttr = c.dir, attributes(c.owner())
	p, err := start(cmd, "ready to accept connections")
	if err != nil {
		t.Fatal(err)
	}
	c.proc = p
}

// Stop stops the server and cuts its connections. Idempotent.
func (c *Cluster) Stop(t testing.TB) {
	t.Helper()
	if c.proc == nil {
		return
	}
	if err := c.proc.stop(); err != nil {
		t.Errorf("postgres: %v", err)
	}
	c.proc = nil
}

// Freeze makes the server hang: its sockets stay open, and neither it nor one of its processes answers. Thaw lets it go on.
func (c *Cluster) Freeze(t testing.TB) {
	t.Helper()
	if err := signalFamily(c.proc.cmd.Process.Pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Thaw) // else it could not be stopped
}

// Thaw ends Freeze. Idempotent.
func (c *Cluster) Thaw() {
	if c.proc != nil {
		_ = signalFamily(c.proc.cmd.Process.Pid, syscall.SIGCONT)
	}
}

func (c *Cluster) remove(t testing.TB) {
	c.Stop(t)
	if err := os.RemoveAll(c.dir); err != nil {
		t.Error(err)
	}
}

// run runs one of the cluster's programs to its end.
func (c *Cluster) run(t testing.TB, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = c.dir, attributes(c.owner())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// owner returns the user that the server runs as, nil for ourselves: PostgreSQL refuses to run as root.
func (c *Cluster) owner() *user.User {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			return u
		}
	}
	return nil
}

func (c *Cluster) give() error {
	u := c.owner()
	if u == nil {
		return nil
	}
	uid, gid, err := ids(u)
	if err != nil {
		return err
	}
	return os.Chown(c.dir, uid, gid)
}

func ids(u *user.User) (uid, gid int, err error) {
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}
