package cli

import (
	"context"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"c2d/adapters/sip/phone"
)

// desk makes a user with a phone that is registered and answers.
func (s shell) desk(login, number string, does phone.Answer) *phone.Phone {
	s.t.Helper()
	s.ok("user", "add", login, login)
	if out, errs, code := s.run(login+"-secret\n", "user", "device", "add", login, "sip:"+login+"@c2d.internal", "--number", number, "--password-file", "-"); code != 0 {
		s.t.Fatalf("%d\n%s%s", code, out, errs)
	}
	p, err := phone.New(phone.Config{AOR: "sip:" + login + "@c2d.internal", Password: login + "-secret", Registrar: netip.MustParseAddrPort(os.Getenv("C2D_SIP")),
		Listen: netip.MustParseAddrPort("127.0.0.1:0"), Answer: does})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.Close)
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Register(ctx); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func TestRefer(t *testing.T) {
	s := with(t)
	harry, mary := s.desk("harry", "+16328300100", phone.Auto(0)), s.desk("mary", "+16328300101", phone.Auto(100*time.Millisecond))
	s.ok("contacts", "add", "Mary", "+16328300101")
	s.ok("contacts", "add", "王·芳", "+16328300101")
	s.env["C2D_PASSWORD"] = "harry-secret"
	for _, to := range []string{"Mary", "王·芳", "+16328300101", "sip:mary@c2d.internal", "tel:+16328300101"} {
		out := s.ok("refer", "sip:harry@c2d.internal", to)
		if !regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3}  100 Trying\n(.* 180 Ringing\n)?.* 200 OK\n$`).MatchString(out) {
			t.Errorf("%s: %q", to, out)
		}
		for _, p := range []*phone.Phone{mary, harry} { // each has talked, and is at rest again
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if _, err := p.Wait(ctx, phone.Answered); err != nil {
				t.Error(to, err)
			}
			if p == mary {
				_ = p.HangUp(ctx)
			}
			if _, err := p.Wait(ctx, phone.Ended); err != nil {
				t.Error(to, err)
			}
			cancel()
		}
	}
	mary.SetAnswer(phone.Busy())
	out, errs, code := s.run("", "refer", "sip:harry@c2d.internal", "Mary")
	if code != 1 || errs != "c2d: the call ended: 486 Busy Here\n" || !strings.HasSuffix(out, "486 Busy Here\n") {
		t.Errorf("busy: %d\n%s%s", code, out, errs)
	}
}

func TestRefersThatFail(t *testing.T) {
	s := with(t)
	s.desk("harry", "+16328300100", phone.Never())
	s.desk("mary", "+16328300101", phone.Never())
	for _, c := range []struct {
		password, stdin string
		args            []string
		code            int
		want            string
	}{
		{"harry-secret", "", []string{"sip:harry@c2d.internal", "Zoe"}, 1, "the call ended: 404 Not Found"},
		{"harry-secret", "", []string{"sip:harry@c2d.internal", "120"}, 1, "the call ended: 403 Forbidden"},
		{"", "harry-secret\n", []string{"sip:harry@c2d.internal", "Zoe", "--password-file", "-"}, 1, "the call ended: 404 Not Found"},
		{"harry-secret", "", []string{"sip:harry@c2d.internal", "Zoe", "--user", "mary"}, 1, "is the password right?"},
		{"wrong", "", []string{"sip:harry@c2d.internal", "Zoe"}, 1, "is the password right?"},
		{"harry-secret", "", []string{"sip:harry@c2d.internal", "+16328300101", "--wait", "300ms"}, 1, "no outcome in time"},
		{"", "", []string{"sip:harry@c2d.internal", "Zoe"}, 1, "no password: set C2D_PASSWORD or --password-file"},
		{"", "", []string{"sip:harry@c2d.internal", "Zoe", "--password-file", "/nowhere"}, 1, "/nowhere"},
		{"x", "", []string{"harry", "Zoe"}, 1, `"harry" is no sip: address`},
		{"x", "", []string{"sip:harry@c2d.internal", "sip:zoe>@x"}, 1, "is no URI"},
		{"x", "", []string{"sip:harry@c2d.internal", "Zoe", "--server", "127.0.0.1"}, 1, "--server: "},
		{"x", "", []string{"sip:harry@c2d.internal"}, 2, "expected"},
	} {
		s.env["C2D_PASSWORD"] = c.password
		out, errs, code := s.run(c.stdin, append([]string{"refer"}, c.args...)...)
		if code != c.code || !strings.HasPrefix(errs, "c2d: ") || !strings.Contains(errs, c.want) {
			t.Errorf("%v: %d\n%s%s", c.args, code, out, errs)
		}
		if c.password != "x" && c.password != "" && strings.Contains(out+errs, c.password) {
			t.Errorf("%v prints the password", c.args)
		}
	}
}
