package pbx

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Linphone is a running linphonec 5.1 (Debian 12). Its methods are for the test's own goroutine.
type Linphone struct {
	Addr   netip.AddrPort // where its SIP is; over TCP it calls and is called on the connection that it registered over
	t      testing.TB
	cfg    Phone
	dir    string
	prog   *Program
	orders *os.File
	read   int // how much of what it tells Await has passed
}

// StartLinphone starts a phone that says Phone.Tone and records what it hears, and returns when it has registered. It is
// stopped with the test.
func StartLinphone(t testing.TB, cfg Phone) *Linphone {
	t.Helper()
	Need(t, "linphonec")
	l := &Linphone{t: t, cfg: cfg, dir: t.TempDir(), Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), claimPorts(t))}
	if err := os.MkdirAll(filepath.Join(l.dir, ".local", "share", "linphone"), 0o700); err != nil { // without it, it opens no socket
		t.Fatal(err)
	}
	l.write("linphonerc", l.config())
	l.write("says.wav", writeWAV(sound(float64(cfg.Tone), time.Minute)))
	in, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	l.orders = orders
	cmd := exec.Command("linphonec", "-c", "linphonerc", "-S", "-d", "6", "-l", "debug.log")
	cmd.Env, cmd.Stdin = append(os.Environ(), "HOME="+l.dir), in
	l.prog = launch(t, l.dir, cmd)
	t.Cleanup(func() { _ = orders.Close() })
	l.tell("soundcard use files", "play says.wav", "record heard.wav")
	if cfg.Registrar.IsValid() {
		Eventually(t, ready, cfg.User+" registers", func() bool {
			log, _ := os.ReadFile(filepath.Join(l.dir, "debug.log")) // absent at first
			return bytes.Contains(log, []byte("to [LinphoneRegistrationOk]"))
		})
	}
	return l
}

func (l *Linphone) write(name, text string) {
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// config is what linphone needs to live beside others on loopback. It listens on all addresses of the machine.
func (l *Linphone) config() string {
	udp, tcp, transport := l.Addr.Port(), uint16(0), "udp"
	if l.cfg.Transport == "tcp" {
		udp, tcp, transport = 0, udp, "tcp"
	}
	return fmt.Sprintf(`[sip]
sip_port=%d
sip_tcp_port=%d
sip_tls_port=0
guess_hostname=1
use_ipv6=0
default_proxy=0
register_only_when_network_is_up=0
[rtp]
audio_rtp_port=%d
[sound]
echocancellation=0
[proxy_0]
reg_proxy=<sip:%s;transport=%s>
reg_identity=sip:%s@%s
reg_sendregister=1
reg_expires=600
[auth_info_0]
username=%s
passwd=%s
realm=%s
`, udp, tcp, l.Addr.Port()+10, l.cfg.Registrar, transport, l.cfg.User, l.cfg.Domain, l.cfg.User, l.cfg.Password, l.cfg.Domain)
}

// Await waits until it tells, in a line after the one that was last waited for, what is there.
func (l *Linphone) Await(what string, limit time.Duration) {
	l.t.Helper()
	Eventually(l.t, limit, l.cfg.User+" tells "+what, func() bool {
		i := strings.Index(l.prog.Output()[l.read:], what)
		if i >= 0 {
			l.read += i + len(what)
		}
		return i >= 0
	})
}

// What linphone tells of its calls.
const (
	LinphoneRings   = "Receiving new incoming call"
	LinphoneTalks   = "Media streams established"
	LinphonePaused  = "paused"
	LinphoneResumed = "resumed"
	LinphoneIsFree  = "ended (No error)"
)

// Dial calls a SIP URI; Accept answers what rings; HangUp ends or refuses it; Hold and Resume are re-INVITEs.
func (l *Linphone) Dial(uri string) { l.t.Helper(); l.tell("call " + uri) }

// Accept answers the call that rings.
func (l *Linphone) Accept() { l.t.Helper(); l.tell("answer") }

// HangUp ends the call.
func (l *Linphone) HangUp() { l.t.Helper(); l.tell("terminate") }

// Hold puts the call on hold.
func (l *Linphone) Hold() { l.t.Helper(); l.tell("pause") }

// Resume takes the held call back.
func (l *Linphone) Resume() { l.t.Helper(); l.tell("resume") }

// Attend hands the other side of one call to that of another; calls are counted from 1.
func (l *Linphone) Attend(id, to int) {
	l.t.Helper()
	l.tell(fmt.Sprintf("transfer %d --to-call %d", id, to))
}

// Rang returns how many calls came in.
func (l *Linphone) Rang() int { return strings.Count(l.prog.Output(), LinphoneRings) }

// Heard returns what the phone has received so far, 8000 samples a second.
func (l *Linphone) Heard() []int16 {
	l.t.Helper()
	pcm, err := ReadWAV(filepath.Join(l.dir, "heard.wav"))
	if err != nil && !os.IsNotExist(err) {
		l.t.Fatal(err)
	}
	return pcm
}

// tell gives orders, which it takes one after the other.
func (l *Linphone) tell(orders ...string) {
	l.t.Helper()
	for _, o := range orders {
		if _, err := l.orders.WriteString(o + "\n"); err != nil {
			l.t.Fatalf("linphone %s: %v", o, err)
		}
	}
}
