package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"c2d/adapters/sip"
	"c2d/cmd/c2d/client"
	"c2d/test/pbx"
)

// TestOneKeyOneCall: a HIS whose retries run wild rings one phone once.
func TestOneKeyOneCall(t *testing.T) {
	h := open(t)
	h.addBoth()
	harry, mary := h.harry(false), h.mary(true)
	const posts = 200
	ids, problems := make([]string, posts), make([]error, posts)
	var all sync.WaitGroup
	for i := range posts {
		all.Go(func() {
			c, _, err := h.order(order{Key: "one-click", Caller: "harry", Callee: "Mary"})
			ids[i], problems[i] = c.ID, err
		})
	}
	all.Wait()
	for i := range posts {
		if problems[i] != nil || ids[i] != ids[0] {
			t.Fatalf("post %d: call %s, %v; the first is %s", i, ids[i], problems[i], ids[0])
		}
	}
	harry.Await("CALL_INCOMING", soon)
	harry.Accept()
	c := h.state(client.Call{ID: ids[0]}, "connected")
	harry.HangUp()
	h.ended(c, "completed", "caller", "caller")
	h.released(c)
	if n := harry.Count("CALL_INCOMING"); n != 1 {
		t.Errorf("Harry's phone rang %d times", n)
	}
	if n := mary.Count("CALL_ESTABLISHED"); n != 1 {
		t.Errorf("Mary's phone answered %d times", n)
	}
	if invites := h.wire.messages(dialling); len(invites) != 2 {
		t.Errorf("%d INVITEs outside a dialog, want 2", len(invites))
	}
}

// dialling selects what makes a phone ring: an INVITE of ours without a To tag.
func dialling(m sip.Message) bool {
	to, _ := header(m, "To")
	return m.Sent && strings.HasPrefix(m.StartLine, "INVITE ") && !strings.Contains(to, "tag=")
}

func header(m sip.Message, name string) (string, bool) {
	head, _, _ := bytes.Cut(m.Raw, []byte("\r\n\r\n"))
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

func TestEmergencyNumberIsNotDialled(t *testing.T) {
	h := open(t)
	h.addBoth()
	harry := h.harry(true)
	for _, number := range []string{"120", "+86120", "1-2-0"} {
		if code := h.refused(map[string]any{"caller": "harry", "callee": map[string]string{"number": number}}); code != "emergency_number" {
			t.Errorf("%s: %s", number, code)
		}
	}
	if n := harry.Count("CALL_ESTABLISHED"); n != 0 {
		t.Errorf("Harry's phone rang %d times", n)
	}
	if invites := h.wire.messages(dialling); len(invites) != 0 {
		t.Errorf("%d INVITEs", len(invites))
	}
}

// TestNamesStayInTheirPlace: what a name holds reaches a phone as a name, or is refused, and never as a header.
func TestNamesStayInTheirPlace(t *testing.T) {
	h := open(t)
	h.addBoth()
	harry, mary := h.harry(true), h.mary(true)
	names := []string{"Eve\r\nX-Evil: 1", `Eve" <sip:evil@x>;q="`, "Eve\x00", "Eve\u2028X-Evil: 1", `Eve\`, "Ève 王芳 <script>"}
	for i, name := range names {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			number := fmt.Sprintf("+1632830020%d", i)
			u := client.User{Login: fmt.Sprintf("eve%d", i), Name: name}
			if err := h.api.Post(t.Context(), "/v1/users", u, &u); err != nil {
				return // refused: it reaches nobody
			}
			d := client.Device{Name: name, Kind: "desk", Backend: "house", Address: "sip:" + u.Login + "@hospital.example", Number: number, Password: password}
			if err := h.api.Post(t.Context(), "/v1/users/"+u.ID+"/devices", d, &d); err != nil {
				d.Name = "desk"
				h.post("/v1/users/"+u.ID+"/devices", d, &d)
			}
			phone := pbx.StartBaresip(t, h.phone(u.Login, 440, true))
			c, err := h.api.Place(t.Context(), u.Login, "Mary")
			if err != nil {
				t.Fatal(err)
			}
			c = h.state(c, "connected")
			phone.HangUp()
			h.ended(c, "completed", "caller", "caller")
			mary.Await("CALL_CLOSED", soon)
		})
	}
	context := map[string]any{"caller": "harry", "callee": "Mary", "context": map[string]string{"visit": "1\r\nX-Evil: 1"}}
	if code := h.refused(context); code != "bad_character" {
		t.Errorf("context: %s", code)
	}
	if harry.Count("CALL_ESTABLISHED") != 0 {
		t.Error("a refused call rang")
	}
	h.wire.wellFormed(t)
}

var headerLine = regexp.MustCompile(`^[A-Za-z][A-Za-z-]*: ?[^\x00-\x1f\x7f]*$`)

// wellFormed holds that every line that we sent is one header of ours, and that no name opened or closed a quotation.
func (w *wire) wellFormed(t *testing.T) {
	t.Helper()
	for _, m := range w.messages(func(m sip.Message) bool { return m.Sent }) {
		head, _, _ := bytes.Cut(m.Raw, []byte("\r\n\r\n"))
		for _, line := range strings.Split(string(head), "\r\n")[1:] {
			if !headerLine.MatchString(line) || strings.HasPrefix(line, "X-Evil") || strings.Contains(line, "<sip:evil") && !quoted(line, "<sip:evil") {
				t.Errorf("%s: line %q", m.StartLine, line)
			}
		}
	}
}

// quoted reports whether part stands inside the quoted string of a header line.
func quoted(line, part string) bool {
	before, _, _ := strings.Cut(line, part)
	plain := strings.ReplaceAll(strings.ReplaceAll(before, `\\`, ""), `\"`, "")
	return strings.Count(plain, `"`)%2 == 1
}

// stranger is somebody on the network who has no account, or a wrong password.
type stranger struct {
	t    *testing.T
	conn *net.UDPConn
	h    *house
	cseq int
}

func (h *house) stranger() *stranger {
	h.t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(pbx.NextAddress(), 5060)))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return &stranger{t: h.t, conn: conn, h: h}
}

// ask sends a request and returns the final response's status, and the challenge if it has one.
func (s *stranger) ask(method, uri, from, credentials string) (status, challenge string) {
	s.t.Helper()
	s.cseq++
	me := s.conn.LocalAddr().String()
	lines := []string{method + " " + uri + " SIP/2.0", fmt.Sprintf("Via: SIP/2.0/UDP %s;branch=z9hG4bKs%d", me, s.cseq), "Max-Forwards: 70",
		"From: <" + from + ">;tag=s", "To: <" + from + ">", fmt.Sprintf("Call-ID: stranger-%d@%s", s.cseq, me), fmt.Sprintf("CSeq: %d %s", s.cseq, method),
		"Contact: <sip:stranger@" + me + ">", "Expires: 600"}
	if credentials != "" {
		lines = append(lines, credentials)
	}
	lines = append(lines, "Content-Length: 0", "", "")
	if _, err := s.conn.WriteToUDPAddrPort([]byte(strings.Join(lines, "\r\n")), s.h.registrar()); err != nil {
		s.t.Fatal(err)
	}
	return s.final()
}

func (s *stranger) final() (status, challenge string) {
	s.t.Helper()
	buf := make([]byte, 65536)
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(soon)); err != nil {
			s.t.Fatal(err)
		}
		n, err := s.conn.Read(buf)
		if err != nil {
			s.t.Fatal(err)
		}
		got := sip.Message{Raw: buf[:n]}
		cseq, _ := header(got, "CSeq")
		start, _, _ := strings.Cut(string(buf[:n]), "\r\n")
		if status = strings.TrimPrefix(start, "SIP/2.0 ")[:3]; status < "200" || !strings.HasPrefix(cseq, fmt.Sprint(s.cseq)) {
			continue
		}
		challenge, _ = header(got, "WWW-Authenticate")
		if challenge == "" {
			challenge, _ = header(got, "Proxy-Authenticate")
		}
		return status, challenge
	}
}

var nonceIn = regexp.MustCompile(`nonce="([^"]*)"`)

func TestStrangers(t *testing.T) {
	h := open(t)
	h.addBoth()
	mary := h.mary(true)
	s := h.stranger()
	for _, method := range []string{"REGISTER", "INVITE"} {
		for _, who := range []string{"sip:harry@hospital.example", "sip:nobody@hospital.example"} {
			uri := map[string]string{"REGISTER": "sip:hospital.example", "INVITE": "sip:mary@hospital.example"}[method]
			status, challenge := s.ask(method, uri, who, "")
			if status != "401" && status != "407" || challenge == "" {
				t.Errorf("%s of %s: %s, challenge %q", method, who, status, challenge)
				continue
			}
			name, nonce := "Authorization", nonceIn.FindStringSubmatch(challenge)
			if status == "407" {
				name = "Proxy-Authorization"
			}
			user := strings.TrimSuffix(strings.TrimPrefix(who, "sip:"), "@hospital.example")
			wrong := fmt.Sprintf(`%s: Digest username="%s", realm="hospital.example", nonce="%s", uri="%s", algorithm=MD5, response="%032d"`, name, user, nonce[1], uri, 0)
			if status, _ = s.ask(method, uri, who, wrong); status[0] != '4' {
				t.Errorf("%s of %s with a wrong password: %s", method, who, status)
			}
		}
	}
	if n := mary.Count("CALL_ESTABLISHED"); n != 0 {
		t.Errorf("Mary's phone rang %d times", n)
	}
	if code := h.refused(map[string]any{"caller": "harry", "callee": "Mary"}); code != "caller_offline" {
		t.Errorf("a stranger has registered as Harry: %s", code)
	}
	if invites := h.wire.messages(dialling); len(invites) != 0 {
		t.Errorf("%d INVITEs", len(invites))
	}
}
