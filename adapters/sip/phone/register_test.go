package phone

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// registrar is the least that a phone registers with: one challenge, one password, no memory.
type registrar struct {
	algorithm string
	password  string
	granted   int         // seconds
	bound     chan string // Expires of each REGISTER that was let in
}

func (r *registrar) serve(t *testing.T) netip.AddrPort {
	t.Helper()
	ua, err := sipgo.NewUA()
	if err != nil {
		t.Fatal(err)
	}
	srv, err := sipgo.NewServer(ua)
	if err != nil {
		t.Fatal(err)
	}
	srv.OnRegister(r.register)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.ServeUDP(conn)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-ended
		_ = ua.Close()
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (r *registrar) register(req *sip.Request, tx sip.ServerTransaction) {
	challenge := digest.Challenge{Realm: "house.example", Nonce: "n1", Algorithm: r.algorithm, QOP: []string{"auth"}}
	if h := req.GetHeader("Authorization"); h == nil || !r.proves(h.Value(), &challenge) {
		res := sip.NewResponseFromRequest(req, 401, "Unauthorized", nil)
		// A strange algorithm first: a phone takes the one that it knows (RFC 8760 section 2.4).
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", `Digest realm="house.example", nonce="n0", algorithm=AKAv1-MD5`))
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", challenge.String()))
		_ = tx.Respond(res)
		return
	}
	res := sip.NewResponseFromRequest(req, 200, "OK", nil)
	contact := req.Contact().Clone()
	contact.Params.Add("expires", fmt.Sprint(r.granted))
	res.AppendHeader(contact)
	r.bound <- req.GetHeader("Expires").Value()
	_ = tx.Respond(res)
}

func (r *registrar) proves(header string, c *digest.Challenge) bool {
	got, err := digest.ParseCredentials(header)
	if err != nil {
		return false
	}
	want, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: "sip:house.example", Username: "harry",
		Password: r.password, Cnonce: got.Cnonce, Count: got.Nc})
	return err == nil && got.Response == want.Response && got.URI == "sip:house.example"
}

func TestRegister(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		t.Run(algorithm, func(t *testing.T) {
			r := registrar{algorithm: algorithm, password: "secret", granted: 1, bound: make(chan string, 9)}
			p := start(t, Config{AOR: "sip:harry@house.example", Password: "secret", Registrar: r.serve(t)})
			if err := p.Register(within(t)); err != nil {
				t.Fatal(err)
			}
			wait(t, p, Registered)
			for _, want := range []string{"600", "600"} { // the second is the refresh of a binding of one second
				if got := <-r.bound; got != want {
					t.Errorf("Expires %s, want %s", got, want)
				}
			}
			p.Close()
			last := ""
			for len(r.bound) > 0 {
				last = <-r.bound
			}
			if last != "0" {
				t.Errorf("the last Expires is %q", last)
			}
		})
	}
}

func TestWrongPassword(t *testing.T) {
	r := registrar{algorithm: "MD5", password: "secret", bound: make(chan string, 9)}
	p := start(t, Config{AOR: "sip:harry@house.example", Password: "guess", Registrar: r.serve(t)})
	var refused *Refused
	if err := p.Register(within(t)); !errors.As(err, &refused) || refused.Status != 401 {
		t.Errorf("Register: %v", err)
	}
}

func TestBadAddressOfRecord(t *testing.T) {
	for _, aor := range []string{"", "harry", "sip:house.example", "sip:\r\n@x"} {
		if p, err := New(Config{AOR: aor, Listen: loopback}); err == nil {
			p.Close()
			t.Errorf("%q is taken", aor)
		} else if strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("the error has two lines: %q", err)
		}
	}
}

func TestGranted(t *testing.T) {
	res := sip.NewResponse(200, "OK")
	if got := granted(res, time.Minute); got != time.Minute {
		t.Errorf("without a word: %v", got)
	}
	res.AppendHeader(sip.NewHeader("Expires", "120"))
	if got := granted(res, time.Minute); got != 2*time.Minute {
		t.Errorf("by the header: %v", got)
	}
}
