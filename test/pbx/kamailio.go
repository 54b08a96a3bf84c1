package pbx

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Carrier says what a Kamailio is to be: a registrar trunk with digest, and one phone behind it.
type Carrier struct {
	Hospital       netip.Addr // whose requests are challenged
	User, Password string     // of the hospital
	Phone          netip.AddrPort
	Fork           string  // a further URI that each call goes to at once, such as "sip:13800138000@127.0.0.1:5060"
	Algorithm      string  // of the digest; empty is MD5
	TLS            *Secure // nil is none
}

// Secure is a carrier's side of TLS: it demands certificates of whoever connects, and shows its own to whom it calls.
type Secure struct {
	Addr      netip.Addr // that Cert is for; see NextAddress
	Cert, Key string     // PEM files
	Hospital  string     // PEM file of the hospital's certificate
}

// Kamailio is a running Kamailio 5.6 (Debian 12).
type Kamailio struct {
	Addr netip.AddrPort // UDP and TCP; TLS is one port higher
	prog *Program
}

// kamailio is where Debian has it, which is on the path of root alone.
const kamailio = "/usr/sbin/kamailio"

// Realm is what a carrier's challenges name.
const Realm = "carrier.example"

// StartKamailio starts a carrier on an address of its own, and returns when it answers. It is stopped with the test.
func StartKamailio(t testing.TB, c Carrier) *Kamailio {
	t.Helper()
	Need(t, "kamailio")
	at, secure := NextAddress(), ""
	if c.TLS != nil {
		at, secure = c.TLS.Addr, secureLines(c.TLS)
	}
	k := &Kamailio{Addr: netip.AddrPortFrom(at, 5060)}
	dir := t.TempDir()
	text, err := os.ReadFile(filepath.Join(testdata(), "kamailio", "carrier.cfg"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Algorithm == "" {
		c.Algorithm = "MD5"
	}
	modules, err := filepath.Glob("/usr/lib/*/kamailio/modules")
	if err != nil || len(modules) != 1 {
		t.Fatalf("where are Kamailio's modules? %v, %v", modules, err)
	}
	if _, err := os.Stat(filepath.Join(modules[0], "tls.so")); err != nil && c.TLS != nil {
		missing(t, "kamailio-tls")
	}
	cfg := strings.NewReplacer("[carrier]", k.Addr.Addr().String(), "[hospital]", c.Hospital.String(), "[user]", c.User, "[password]", c.Password,
		"[phone]", c.Phone.String(), "[realm]", Realm, "[algorithm]", c.Algorithm, "[modules]", modules[0]+"/", "[tls]", secure, "[fork]", c.branch()).Replace(string(text))
	file := filepath.Join(dir, "carrier.cfg")
	if err := os.WriteFile(file, []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	k.prog = Launch(t, dir, kamailio, "-f", file, "-DD", "-E", "-m", "32", "-M", "4", "-Y", dir)
	Eventually(t, ready, "Kamailio answers", func() bool { return k.answers(t) })
	return k
}

// secureLines are the carrier's configuration of TLS.
func secureLines(s *Secure) string {
	lines := []string{"enable_tls=yes", fmt.Sprintf("listen=tls:%s:5061", s.Addr), `loadmodule "tls.so"`}
	for _, p := range [][2]string{
		{"private_key", strconv.Quote(s.Key)}, {"certificate", strconv.Quote(s.Cert)}, {"ca_list", strconv.Quote(s.Hospital)},
		{"verify_certificate", "1"}, {"require_certificate", "1"}, {"tls_method", `"TLSv1.2+"`},
	} {
		lines = append(lines, fmt.Sprintf("modparam(\"tls\", %q, %s)", p[0], p[1]))
	}
	return strings.Join(lines, "\n")
}

// branch is what makes a call go to a second phone too.
func (c Carrier) branch() string {
	if c.Fork == "" {
		return ""
	}
	return `append_branch("` + c.Fork + `");`
}

// answers asks once by OPTIONS.
func (k *Kamailio) answers(t testing.TB) bool {
	if k.prog.Wait(0) == nil {
		t.Fatalf("Kamailio ended:\n%s", k.prog.Output())
	}
	conn, err := net.Dial("udp4", k.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := []string{"OPTIONS sip:" + Realm + " SIP/2.0", "Via: SIP/2.0/UDP " + conn.LocalAddr().String() + ";branch=z9hG4bK1", "Max-Forwards: 70",
		"From: <sip:x@x>;tag=1", "To: <sip:x@x>", "Call-ID: x", "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""}
	_, _ = conn.Write([]byte(strings.Join(lines, "\r\n"))) // refused while nobody listens
	_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := conn.Read(make([]byte, 4096))
	return err == nil && n > 0
}

// Stop ends the carrier without a word to anybody. Idempotent.
func (k *Kamailio) Stop() { k.prog.Stop() }
