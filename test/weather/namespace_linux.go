package weather

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// Possible returns nil where a network can be made: on Linux as root, with iproute2 and TUN devices.
func Possible() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("a network namespace needs root: run the tests as root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("ip is not installed: apt-get install --no-install-recommends iproute2")
	}
	if _, err := os.Stat(tunDevice); err != nil {
		return fmt.Errorf("the kernel has no TUN devices, modprobe tun: %w", err)
	}
	return nil
}

// network is where a test that is run again has its own.
func network() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
}

// netem lets the kernel make the weather on what is sent into the device; an error means that this kernel cannot.
func (w Weather) netem() error {
	order := fmt.Sprintf("qdisc add dev "+tunName+" root netem limit 100000 delay %dms %dms loss %g%% duplicate %g%% reorder %g%%",
		w.Delay.Milliseconds(), w.Jitter.Milliseconds(), 100*w.Lose, 100*w.Repeat, 100*w.Overtake)
	out, err := exec.Command("tc", strings.Fields(order)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("tc: %s", strings.TrimSpace(string(out)))
	}
	return nil
}

// Begin lets the weather come over what is sent on loopback and fits one of the selectors of ip-rule(8), such as
// "ipproto udp". The kernel makes it where it has netem, else we. It ends with the test.
func (w Weather) Begin(t testing.TB, selectors ...string) *Gust {
	t.Helper()
	device, err := openTUN()
	if err != nil {
		t.Fatal(err)
	}
	ip(t, "link set lo up", "link set "+tunName+" up mtu 1500")
	for key, value := range map[string]string{tunName + "/route_localnet": "1", tunName + "/accept_local": "1", tunName + "/rp_filter": "0", "all/rp_filter": "0"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/conf/"+key, []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	orders := []string{"route add default dev " + tunName + " src 127.0.0.1 table 100"}
	for _, s := range selectors {
		orders = append(orders, "rule add pref 10 iif lo "+s+" lookup 100")
	}
	ip(t, append(orders, "rule add pref 100 lookup local", "rule del pref 0")...) // else the first rule delivers at once
	g, done := w.Gust(), make(chan struct{})
	g.kernels = w.netem() == nil
	go func() {
		defer close(done)
		g.carry(device)
	}()
	t.Cleanup(func() {
		_ = device.Close()
		<-done
	})
	return g
}

func ip(t testing.TB, orders ...string) {
	t.Helper()
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(orders, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip %q: %v\n%s", orders, err, out)
	}
}

const (
	tunDevice = "/dev/net/tun"
	tunName   = "weather"
)

// openTUN makes the device. It is read without blocking a thread, so that Close ends a Read.
func openTUN() (*os.File, error) {
	fd, err := syscall.Open(tunDevice, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tunDevice, err)
	}
	var request struct { // ifreq, netdevice(7)
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], tunName)
	request.flags = syscall.IFF_TUN | syscall.IFF_NO_PI
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("TUNSETIFF: %w", errno)
	}
	return os.NewFile(uintptr(fd), tunDevice), nil
}
