package dialog

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"c2d/core/fault"
)

var here = Hop{Transport: "UDP", Host: "192.0.2.1", Port: 5060}

func anInvite() Invite {
	return Invite{
		CallID: "house-a-1", Tag: "ours", Branch: "z9hG4bK1", Seq: 7, Target: "sip:mary@10.0.0.5:5062;line=1", Transport: "UDP",
		Dest: "198.51.100.7:40000", From: Party{Name: `Harry "P" \`, URI: "sip:100@hospital.example"}, To: Party{URI: "sip:mary@hospital.example"},
	}
}

func response(t *testing.T, lines ...string) *sip.Response {
	t.Helper()
	m, err := sip.ParseMessage([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" +
		"From: <sip:100@hospital.example>;tag=ours\r\nCall-ID: house-a-1\r\nCSeq: 7 INVITE\r\n" +
		strings.Join(lines, "\r\n") + "\r\nContent-Length: 0\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sip.Response)
}

const (
	toLine      = "To: <sip:mary@hospital.example>;tag=theirs"
	contactLine = "Contact: <sip:mary@10.0.0.5:5062;line=1>"
)

func confirmed(t *testing.T, lines ...string) Dialog {
	t.Helper()
	d, err := anInvite().Confirm(response(t, append([]string{toLine}, lines...)...))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestInviteOnTheWire(t *testing.T) {
	i := anInvite()
	i.Routes = []string{"sip:proxy.example;lr"}
	i.Headers = []Header{{"Alert-Info", "<http://x>"}}
	req, err := i.Request(here, []byte("v=0\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "INVITE sip:mary@10.0.0.5:5062;line=1 SIP/2.0\r\n" +
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport\r\n" +
		"Route: <sip:proxy.example;lr>\r\n" +
		"Max-Forwards: 70\r\n" +
		`From: "Harry \"P\" \\" <sip:100@hospital.example>;tag=ours` + "\r\n" +
		"To: <sip:mary@hospital.example>\r\n" +
		"Call-ID: house-a-1\r\n" +
		"CSeq: 7 INVITE\r\n" +
		"Contact: <sip:house-a-1@192.0.2.1:5060>\r\n" +
		"Alert-Info: <http://x>\r\n" +
		"Content-Type: application/sdp\r\n" +
		"Content-Length: 5\r\n\r\nv=0\r\n"
	if got := req.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if req.Destination() != i.Dest {
		t.Errorf("goes to %s", req.Destination())
	}
}

func TestCancelMatchesItsInvite(t *testing.T) {
	i := anInvite()
	req, err := i.Cancel(here, "SIP;cause=200")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"branch=z9hG4bK1;", "CSeq: 7 CANCEL\r\n", "To: <sip:mary@hospital.example>\r\n", "Reason: SIP;cause=200\r\n"} {
		if !strings.Contains(req.String(), line) {
			t.Errorf("lacks %q:\n%s", line, req)
		}
	}
}

func TestInviteRefusesWhatCannotBeSent(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Invite)
		code   fault.Code
	}{
		"name":       {func(i *Invite) { i.From.Name = "a\r\nX: 1" }, fault.CodeBadCharacter},
		"long name":  {func(i *Invite) { i.From.Name = strings.Repeat("x", longest+1) }, fault.CodeTooLarge},
		"C1 in name": {func(i *Invite) { i.From.Name = "a\u0085b" }, fault.CodeBadCharacter},
		"line end":   {func(i *Invite) { i.From.Name = "a\u2028b" }, fault.CodeBadCharacter},
		"not UTF-8":  {func(i *Invite) { i.From.Name = "\xff" }, fault.CodeBadCharacter},
		"call id":    {func(i *Invite) { i.CallID = "a\n" }, fault.CodeBadCharacter},
		"target":     {func(i *Invite) { i.Target = "sip:a@b\r\nX: 1" }, fault.CodeBadCharacter},
		"angle":      {func(i *Invite) { i.To.URI = "sip:a@b>;x=<" }, fault.CodeBadCharacter},
		"other kind": {func(i *Invite) { i.Target = "http://x/" }, fault.CodeInvalid},
		"no host":    {func(i *Invite) { i.Target = "sip:" }, fault.CodeInvalid},
		"route":      {func(i *Invite) { i.Routes = []string{"sip:p;lr\r\nX: 1"} }, fault.CodeBadCharacter},
		"header":     {func(i *Invite) { i.Headers = []Header{{"X", "a\r\nY: 1"}} }, fault.CodeBadCharacter},
	} {
		t.Run(name, func(t *testing.T) {
			i := anInvite()
			c.change(&i)
			if _, err := i.Request(here, nil); !fault.Is(err, c.code) {
				t.Errorf("INVITE: %v", err)
			}
			if _, err := i.Cancel(here, ""); !fault.Is(err, c.code) {
				t.Errorf("CANCEL: %v", err)
			}
		})
	}
}

func TestConfirmNeedsTagAndContact(t *testing.T) {
	for name, lines := range map[string][]string{
		"no tag":      {"To: <sip:mary@hospital.example>", contactLine},
		"no contact":  {toLine},
		"bad contact": {toLine, "Contact: <http://x/>"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := anInvite().Confirm(response(t, lines...)); !fault.Is(err, fault.CodeInvalid) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAckCarriesTheCSeqOfItsInvite(t *testing.T) {
	d := confirmed(t, contactLine)
	d.Request(sip.INFO, here, nil)
	d.Request(sip.INFO, here, nil)
	ack := d.Ack(7, here, nil)
	if ack.CSeq().SeqNo != 7 || d.LocalSeq != 9 || Tag(ack.To()) != "theirs" || ack.Via().Params.GetOr("branch", "") == "z9hG4bK1" {
		t.Errorf("ACK\n%s", ack)
	}
}

func TestRoutes(t *testing.T) {
	d := confirmed(t, contactLine, "Record-Route: <sip:a.example;lr>, <sip:b.example;lr>", "Record-Route: <sip:203.0.113.9:5070;lr>")
	if want := []string{"sip:203.0.113.9:5070;lr", "sip:b.example;lr", "sip:a.example;lr"}; !reflect.DeepEqual(d.Routes, want) {
		t.Fatalf("route set %q", d.Routes)
	}
	bye := d.Request(sip.BYE, here, nil)
	if got := bye.Destination(); got != "203.0.113.9:5070" || bye.Recipient.String() != d.Target || len(bye.GetHeaders("Route")) != 3 {
		t.Errorf("to %s:\n%s", got, bye)
	}
}

func TestStrictRouter(t *testing.T) {
	d := confirmed(t, contactLine, "Record-Route: <sip:old.example>")
	bye := d.Request(sip.BYE, here, nil)
	if bye.Recipient.Host != "old.example" || bye.Route().Address.String() != d.Target {
		t.Errorf("\n%s", bye)
	}
}

func TestDestination(t *testing.T) {
	for name, c := range map[string]struct{ contact, want string }{
		"behind NAT, where the INVITE went": {contactLine, "198.51.100.7:40000"},
		"moved to another address":          {"Contact: <sip:mary@203.0.113.4:5099>", "203.0.113.4:5099"},
		"moved, SIP's own port":             {"Contact: <sip:mary@203.0.113.4>", "203.0.113.4:5060"},
		"a name nobody looks up here":       {"Contact: <sip:mary@phone.example>", "198.51.100.7:40000"},
	} {
		t.Run(name, func(t *testing.T) {
			d := confirmed(t, c.contact)
			if got := d.Destination(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			d.Transport = "TCP"
			if got := d.Destination(); got != d.Flow {
				t.Errorf("over TCP %s, want the connection", got)
			}
		})
	}
}

func TestRefreshKeepsAGoodTarget(t *testing.T) {
	d := confirmed(t, contactLine)
	d.Refresh(response(t, toLine, "Contact: <sip:mary@203.0.113.4:5099>"))
	d.Refresh(response(t, toLine))
	d.Refresh(response(t, toLine, "Contact: <http://x/>"))
	if d.Target != "sip:mary@203.0.113.4:5099" {
		t.Errorf("target %s", d.Target)
	}
}

func TestOutlivesTheProcess(t *testing.T) {
	d := confirmed(t, contactLine, "Record-Route: <sip:a.example;lr>")
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back Dialog
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, d) {
		t.Fatalf("%+v, %v", back, err)
	}
	back.Resume()
	if seq := back.Request(sip.BYE, here, nil).CSeq().SeqNo; seq != 1008 {
		t.Errorf("CSeq %d", seq)
	}
}

const inviteText = "INVITE sip:101@hospital.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKx\r\nFrom: \"H\" <sip:harry@hospital.example>;tag=theirs\r\n" +
	"To: <sip:101@hospital.example>\r\nCall-ID: a/b@10.0.0.9\r\nCSeq: 5 INVITE\r\nContact: <sip:harry@10.0.0.9:5062>\r\nRecord-Route: <sip:a.example;lr>,<sip:b.example;lr>\r\nContent-Length: 0\r\n\r\n"

func parsed(t *testing.T, text string) *sip.Request {
	t.Helper()
	m, err := sip.ParseMessage([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	req := m.(*sip.Request)
	req.SetSource("198.51.100.7:40000")
	return req
}

func TestFromInvite(t *testing.T) {
	d, err := FromInvite(parsed(t, inviteText), "ours")
	if err != nil {
		t.Fatal(err)
	}
	bye := d.Request(sip.BYE, here, nil)
	if bye.Destination() != "198.51.100.7:40000" {
		t.Errorf("goes to %s", bye.Destination())
	}
	if d.Routes[0] != "sip:a.example;lr" || Tag(bye.From()) != "ours" || Tag(bye.To()) != "theirs" || bye.From().Address.User != "101" {
		t.Errorf("\n%s", bye)
	}
	if got := bye.Contact().Address.User; got != "ours" {
		t.Errorf("Contact user %q: a peer's Call-ID is no user part", got)
	}
}

func TestOrder(t *testing.T) {
	d, err := FromInvite(parsed(t, inviteText), "ours")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method string
		seq    string
		want   bool
	}{
		{"INVITE", "5", false}, {"INVITE", "7", true}, {"UPDATE", "6", false}, {"INFO", "6", true}, {"BYE", "8", true}, {"INVITE", "8", false},
	} {
		req := parsed(t, strings.NewReplacer("INVITE sip", c.method+" sip", "CSeq: 5 INVITE", "CSeq: "+c.seq+" "+c.method).Replace(inviteText))
		if got := d.Takes(req); got != c.want {
			t.Errorf("%s %s: %v", c.method, c.seq, got)
		}
	}
}

func TestOwns(t *testing.T) {
	d := confirmed(t, contactLine)
	if !d.Owns(response(t, toLine, contactLine)) {
		t.Error("not its own response")
	}
	if d.Owns(response(t, "To: <sip:mary@hospital.example>;tag=fork", contactLine)) {
		t.Error("a fork's response")
	}
	in := parsed(t, strings.Replace(inviteText, "To: <sip:101@hospital.example>", "To: <sip:101@hospital.example>;tag=ours", 1))
	if !d.Owns(in) {
		t.Error("not its own request")
	}
}

// FuzzDialog proves that whatever a peer sends, what we send on is a message of one piece: as many header lines as we
// wrote, and no control character in any.
func FuzzDialog(f *testing.F) {
	f.Add(inviteText)
	f.Add(strings.Replace(inviteText, "Contact: <sip:harry@10.0.0.9:5062>", "Contact: *", 1))
	f.Add(strings.Replace(inviteText, "harry@10", "ha\rrry@10", 1))
	f.Add(strings.Replace(inviteText, "<sip:a.example;lr>", "<sip:a.example;lr\n>", 1))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := sip.ParseMessage([]byte(text))
		if err != nil {
			return
		}
		req, ok := m.(*sip.Request)
		if !ok {
			return
		}
		d, err := FromInvite(req, "ours")
		if err != nil {
			return
		}
		d.Refresh(req)
		d.Takes(req)
		out := d.Request(sip.BYE, here, nil).String()
		lines := strings.Split(strings.TrimSuffix(out, "\r\n\r\n"), "\r\n")
		if want := 9 + len(d.Routes); len(lines) != want {
			t.Errorf("%d lines, want %d:\n%q", len(lines), want, out)
		}
		for _, l := range lines {
			if strings.ContainsFunc(l, control) {
				t.Errorf("control character in %q", l)
			}
		}
	})
}
