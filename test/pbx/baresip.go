package pbx

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Phone says what a baresip is to be.
type Phone struct {
	User, Password string
	Domain         string         // of its address of record
	Registrar      netip.AddrPort // the zero value: it registers nowhere
	Transport      string         // to the registrar: "tcp", "tls" (whatever its certificate); empty is UDP
	Tone           int            // Hz that it sends while it talks
	Auto           bool           // answers at once; else Accept does
	Calls          int            // at once; 0 is 1
}

// Baresip is a running baresip 1.0.0 (Debian 12). Its methods are for the test's own goroutine.
type Baresip struct {
	Addr netip.AddrPort // where its SIP is
	t    testing.TB
	cfg  Phone
	dir  string
	prog *Program
	conn net.Conn

	mu      sync.Mutex
	events  []BaresipEvent
	replies map[string]reply
	seen    int // events that Await has returned or passed
	sent    int
}

// BaresipEvent is what baresip tells of itself: CALL_INCOMING, CALL_ESTABLISHED, CALL_RTPESTAB, CALL_CLOSED…
type BaresipEvent struct {
	Type      string `json:"type"`
	Param     string `json:"param"`
	Peer      string `json:"peeruri"`
	Call      string `json:"id"`
	Direction string `json:"direction"` // "incoming", "outgoing"
}

type reply struct {
	OK    bool   `json:"ok"`
	Data  string `json:"data"`
	Token string `json:"token"`
}

// ready bounds what a program does by itself: start, register, connect.
const ready = 10 * time.Second

// StartBaresip starts a phone and returns when it has registered. It is stopped with the test.
func StartBaresip(t testing.TB, cfg Phone) *Baresip {
	t.Helper()
	Need(t, "baresip")
	b := &Baresip{t: t, cfg: cfg, replies: map[string]reply{}}
	b.launch()
	if cfg.Registrar.IsValid() {
		Eventually(t, ready, cfg.User+" registers", func() bool { return strings.Contains(b.command("reginfo", ""), "OK") })
	}
	return b
}

// launch starts the program; when somebody took a port of its block between our look and its own, on another block.
func (b *Baresip) launch() {
	b.t.Helper()
	for range 3 {
		b.dir, b.Addr = b.t.TempDir(), netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), claimPorts(b.t))
		b.write("config", b.config())
		b.write("accounts", b.account())
		b.write("contacts", "")
		if err := os.Mkdir(b.wavs(), 0o700); err != nil {
			b.t.Fatal(err)
		}
		b.prog = Launch(b.t, b.dir, "baresip", "-4", "-s", "-f", b.dir)
		if b.connect() {
			return
		}
		if !strings.Contains(b.prog.Output(), "Address already in use") {
			break
		}
	}
	b.t.Fatalf("baresip ended: %v", b.prog.err)
}

func (b *Baresip) wavs() string { return filepath.Join(b.dir, "wav") }

// RTP returns the first and last port of the phone's sound.
func (b *Baresip) RTP() (first, last int) { return int(b.Addr.Port()) + 10, int(b.Addr.Port()) + 29 }

// control is where the phone takes orders: its ports are SIP, SIP over TLS, and this.
func (b *Baresip) control() string {
	return netip.AddrPortFrom(b.Addr.Addr(), b.Addr.Port()+2).String()
}

func (b *Baresip) write(name, text string) {
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// config follows shared knowledge of this version: ausine needs both ausrc lines, menu holds the commands.
func (b *Baresip) config() string {
	first, last := b.RTP()
	lines := []string{
		"poll_method epoll", "sip_listen " + b.Addr.String(), "net_interface " + b.Addr.Addr().String(),
		fmt.Sprintf("call_max_calls %d", max(1, b.cfg.Calls)), "audio_buffer 20-160",
		fmt.Sprintf("audio_source ausine,%d", b.cfg.Tone), "ausrc_srate 48000", "ausrc_channels 2",
		fmt.Sprintf("rtp_ports %d-%d", first, last), "jitter_buffer_delay 1-5", "module_path /usr/lib/baresip/modules",
		"module ausine.so", "module g711.so", "module sndfile.so", "snd_path " + b.wavs(),
		"module_tmp account.so", "module_app menu.so", "module_app ctrl_tcp.so",
		"ctrl_tcp_listen " + b.control(), "ringback_disabled yes",
	}
	return strings.Join(lines, "\n") + "\n"
}

func (b *Baresip) account() string {
	mode, regint, outbound, transport := "manual", 0, "", ""
	if b.cfg.Transport != "" {
		transport = ";transport=" + b.cfg.Transport
	}
	if b.cfg.Auto {
		mode = "auto"
	}
	if b.cfg.Registrar.IsValid() {
		regint, outbound = 600, fmt.Sprintf(`;outbound="sip:%s%s"`, b.cfg.Registrar, transport)
	}
	return fmt.Sprintf("<sip:%s@%s%s>;auth_user=%s;auth_pass=%s;answermode=%s;regint=%d;audio_codecs=pcma,pcmu%s\n",
		b.cfg.User, b.cfg.Domain, transport, b.cfg.User, b.cfg.Password, mode, regint, outbound)
}

// connect takes the phone's orders line; false when the program has ended instead.
func (b *Baresip) connect() bool {
	b.t.Helper()
	ended := false
	Eventually(b.t, ready, b.cfg.User+" listens for orders", func() (ok bool) {
		select {
		case <-b.prog.done:
			ended = true
			return true
		default:
		}
		var err error
		b.conn, err = net.Dial("tcp", b.control())
		return err == nil
	})
	if ended {
		return false
	}
	read := make(chan struct{})
	go b.read(read)
	b.t.Cleanup(func() { // before the program is stopped: the last cleanup runs first
		_ = b.conn.Close()
		<-read
	})
	return true
}

// read takes what baresip says until the connection closes.
func (b *Baresip) read(done chan<- struct{}) {
	defer close(done)
	in := bufio.NewReader(b.conn)
	for {
		var said struct {
			Event bool `json:"event"`
			reply
			BaresipEvent
		}
		if readFrame(in, &said) != nil {
			return
		}
		b.mu.Lock()
		if said.Event {
			b.events = append(b.events, said.BaresipEvent)
		} else {
			b.replies[said.Token] = said.reply
		}
		b.mu.Unlock()
	}
}

// command gives an order and returns the answer; that an order was accepted says nothing of SIP.
func (b *Baresip) command(name, params string) string {
	b.t.Helper()
	b.sent++
	token := fmt.Sprint(b.sent)
	order := map[string]string{"command": name, "params": params, "token": token}
	if err := writeFrame(b.conn, order); err != nil {
		b.t.Fatalf("baresip %s: %v", name, err)
	}
	var got reply
	Eventually(b.t, ready, "baresip answers "+name, func() (ok bool) {
		b.mu.Lock()
		defer b.mu.Unlock()
		got, ok = b.replies[token]
		return ok
	})
	if !got.OK {
		b.t.Fatalf("baresip %s: %s", name, got.Data)
	}
	return got.Data
}

// Dial calls a SIP URI.
func (b *Baresip) Dial(uri string) { b.t.Helper(); b.command("dial", uri) }

// Accept answers the call that rings.
func (b *Baresip) Accept() { b.t.Helper(); b.command("accept", "") }

// HangUp ends the current call; one that rings is refused with 486.
func (b *Baresip) HangUp() { b.t.Helper(); b.command("hangup", "") }

// Hold puts the current call on hold, Resume takes it back.
func (b *Baresip) Hold() { b.t.Helper(); b.command("hold", "") }

// Resume takes the held call back.
func (b *Baresip) Resume() { b.t.Helper(); b.command("resume", "") }

// Press presses keys, which go out as RTP events (RFC 4733).
func (b *Baresip) Press(keys string) { b.t.Helper(); b.command("sndcode", keys) }

// Pressed returns the keys that the other side has pressed, in order.
func (b *Baresip) Pressed() string {
	keys := ""
	for _, e := range b.all() {
		if e.Type == "CALL_DTMF_START" {
			keys += e.Param
		}
	}
	return keys
}

// Rang returns how many calls came in.
func (b *Baresip) Rang() int {
	calls := map[string]bool{}
	for _, e := range b.all() {
		if e.Direction == "incoming" {
			calls[e.Call] = true
		}
	}
	return len(calls)
}

// Idle reports whether the phone neither rings nor talks nor dials.
func (b *Baresip) Idle() bool {
	open := map[string]bool{}
	for _, e := range b.all() {
		switch {
		case e.Type == "CALL_CLOSED":
			delete(open, e.Call)
		case e.Call != "":
			open[e.Call] = true
		}
	}
	return len(open) == 0
}

func (b *Baresip) all() []BaresipEvent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events)
}

// Await returns the next event of a type that Await has not passed yet.
func (b *Baresip) Await(kind string, limit time.Duration) BaresipEvent {
	b.t.Helper()
	var found BaresipEvent
	Eventually(b.t, limit, b.cfg.User+" tells "+kind, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for ; b.seen < len(b.events); b.seen++ {
			if b.events[b.seen].Type == kind {
				found = b.events[b.seen]
				b.seen++
				return true
			}
		}
		return false
	})
	return found
}

// Count returns how many events of a type there were since the start.
func (b *Baresip) Count(kind string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, e := range b.events {
		if e.Type == kind {
			n++
		}
	}
	return n
}

// Heard returns what the phone has received in its newest call so far, 8000 samples a second. Gaps and holds are
// squeezed out: an offset in it is no time.
func (b *Baresip) Heard() []int16 {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.wavs(), "dump-*-dec.wav"))
	if err != nil {
		b.t.Fatal(err)
	}
	if len(files) == 0 {
		return nil
	}
	pcm, err := ReadWAV(slices.Max(files))
	if err != nil {
		b.t.Fatal(err)
	}
	return pcm
}

// Stop ends the phone as a user does who quits it: it un-registers. Idempotent.
func (b *Baresip) Stop() { b.prog.Stop() }

// Kill ends the phone as a power cut does.
func (b *Baresip) Kill() { b.prog.Kill() }
