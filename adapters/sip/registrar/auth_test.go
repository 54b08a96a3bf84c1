package registrar

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

const inviteText = `INVITE sip:mary@hospital.example SIP/2.0
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK2
From: <sip:harry@hospital.example>;tag=a
To: <sip:mary@hospital.example>
Call-ID: i1
CSeq: 1 INVITE
Content-Length: 0`

func TestAuthenticate(t *testing.T) {
	h := newHouse(t, Config{})
	_, challenge := h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
	if challenge == nil || challenge.StatusCode != 407 || len(challenge.GetHeaders("Proxy-Authenticate")) != 2 {
		t.Fatalf("got\n%s", challenge)
	}
	for name, c := range map[string]struct {
		client client
		edit   *strings.Replacer
		status int // 0 is let in
	}{
		"SHA-256":            {harry, strings.NewReplacer(), 0},
		"MD5":                {client{"harry", "alohomora", "MD5", false}, strings.NewReplacer(), 0},
		"MD5 without qop":    {client{"harry", "alohomora", "MD5", true}, strings.NewReplacer(), 0},
		"SHA-256 no qop":     {client{"harry", "alohomora", "SHA-256", true}, strings.NewReplacer(), 407},
		"wrong password":     {client{"harry", "x", "SHA-256", false}, strings.NewReplacer(), 407},
		"unknown user":       {client{"ron", "alohomora", "SHA-256", false}, strings.NewReplacer(), 407},
		"another's From":     {client{"mary", "s3cret", "MD5", false}, strings.NewReplacer(), 403},
		"From of elsewhere":  {harry, strings.NewReplacer("harry@hospital.example>;tag", "harry@elsewhere.example>;tag"), 403},
		"From is a tel: URI": {harry, strings.NewReplacer("<sip:harry@hospital.example>;tag", "<tel:+8653282801234>;tag"), 403},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, Config{})
			_, challenge := h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
			req := parse(t, c.edit.Replace(inviteText))
			c.client.sign(t, req, challenge, 1)
			dev, res := h.Authenticate(t.Context(), req, harrysPhone)
			if c.status == 0 && (res != nil || dev.ID != "id-harry") || c.status != 0 && (res == nil || res.StatusCode != c.status || dev.ID != "") {
				t.Errorf("device %q, got\n%s", dev.ID, res)
			}
			if res != nil && strings.Contains(res.String(), "stale") {
				t.Errorf("stale in\n%s", res)
			}
		})
	}
}

func TestUnknownUserGetsTheAnswerOfAWrongPassword(t *testing.T) {
	h := newHouse(t, Config{})
	text := registerText("c1", "1")
	answers := map[string]bool{}
	for _, c := range []client{{"ron", "x", "MD5", false}, {"harry", "x", "MD5", false}} {
		res := h.register(t, c, harrysPhone, text)
		answers[nonceValue.ReplaceAllString(tagValue.ReplaceAllString(res.String(), ""), "")] = true
	}
	if len(answers) != 1 {
		t.Errorf("they differ: %v", answers)
	}
}

func isStale(res *sip.Response) bool {
	return res != nil && res.StatusCode == 407 && strings.Contains(res.String(), "stale=true")
}

func TestReplay(t *testing.T) {
	h := newHouse(t, Config{})
	_, challenge := h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
	send := func(c client, count int) *sip.Response {
		req := parse(t, inviteText)
		c.sign(t, req, challenge, count)
		_, res := h.Authenticate(t.Context(), req, netip.AddrPortFrom(harrysPhone.Addr(), 9999)) // another port
		return res
	}
	for i, step := range []struct {
		count int
		fresh bool
	}{{1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {3, false}, {200, true}, {137, true}, {136, false}, {200, false}} {
		if res := send(harry, step.count); (res == nil) != step.fresh || !step.fresh && !isStale(res) {
			t.Errorf("step %d, nc %d: got\n%s", i, step.count, res)
		}
	}
	if res := send(client{"harry", "alohomora", "MD5", true}, 1); !isStale(res) {
		t.Errorf("a used nonce was taken without qop:\n%s", res)
	}
	_, challenge = h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
	old := client{"harry", "alohomora", "MD5", true}
	if res := send(old, 1); res != nil {
		t.Errorf("got\n%s", res)
	}
	if res := send(old, 1); !isStale(res) {
		t.Errorf("a nonce was good twice without qop:\n%s", res)
	}
	if res := send(harry, 1); !isStale(res) {
		t.Errorf("a nonce was good after it was used without qop:\n%s", res)
	}
}

func TestStaleNonce(t *testing.T) {
	h := newHouse(t, Config{})
	_, challenge := h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
	send := func(h *house, c client) *sip.Response {
		req := parse(t, inviteText)
		c.sign(t, req, challenge, 1)
		_, res := h.Authenticate(t.Context(), req, harrysPhone)
		return res
	}
	if res := send(newHouse(t, Config{}), harry); !isStale(res) {
		t.Errorf("the nonce of before a restart: got\n%s", res)
	}
	h.clock = h.clock.Add(5 * time.Minute)
	if res := send(h, harry); !isStale(res) {
		t.Errorf("an old nonce: got\n%s", res)
	}
	right, wrong := send(h, harry), send(h, client{"harry", "x", "MD5", false})
	if !isStale(wrong) || nonceValue.ReplaceAllString(tagValue.ReplaceAllString(right.String(), ""), "") != nonceValue.ReplaceAllString(tagValue.ReplaceAllString(wrong.String(), ""), "") {
		t.Errorf("an old nonce tells a wrong password from a right one: got\n%s", wrong)
	}
}

func TestFullNonceTableForgetsNothingThatCanBeReplayed(t *testing.T) {
	h := newHouse(t, Config{})
	h.nonces.most = 2
	var signed []*sip.Request
	for range 3 {
		_, challenge := h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
		req := parse(t, inviteText)
		harry.sign(t, req, challenge, 1)
		if _, res := h.Authenticate(t.Context(), req, harrysPhone); res != nil {
			t.Fatalf("got\n%s", res)
		}
		signed = append(signed, req)
		h.clock = h.clock.Add(time.Second)
	}
	for i, req := range signed {
		if _, res := h.Authenticate(t.Context(), req, harrysPhone); !isStale(res) {
			t.Errorf("replay %d: got\n%s", i, res)
		}
	}
	if len(h.nonces.used) > 2 {
		t.Errorf("%d nonces are remembered", len(h.nonces.used))
	}
}

func TestDigestURI(t *testing.T) {
	for uri, same := range map[string]bool{
		"sip:mary@hospital.example":               true,
		"sip:mary@hospital.example:5060":          true,
		"sip:mary@HOSPITAL.example;transport=udp": true,
		"sip:%6dary@hospital.example":             true,
		"sip:ron@hospital.example":                false,
		"sip:hospital.example":                    false,
		"sips:mary@hospital.example":              false,
		"sip:mary@hospital.example:5080":          false,
		"mary":                                    false,
		"tel:+8653282801234":                      false,
	} {
		if got := addresses(uri, parse(t, inviteText).Recipient); got != same {
			t.Errorf("%s: %v", uri, got)
		}
	}
	h := newHouse(t, Config{})
	_, challenge := h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
	other := parse(t, strings.Replace(inviteText, "sip:mary@", "sip:ron@", 1))
	harry.sign(t, other, challenge, 1)
	moved := parse(t, inviteText)
	moved.AppendHeader(other.GetHeader("Proxy-Authorization"))
	if _, res := h.Authenticate(t.Context(), moved, harrysPhone); res == nil || res.StatusCode != 400 || res.Reason != "Digest URI Mismatch" {
		t.Errorf("credentials of another call: got\n%s", res)
	}
}

func TestForeignCredentialsBesideOurs(t *testing.T) {
	h := newHouse(t, Config{})
	_, challenge := h.Authenticate(t.Context(), parse(t, inviteText), harrysPhone)
	req := parse(t, inviteText)
	harry.sign(t, req, challenge, 1)
	ours := req.GetHeader("Proxy-Authorization")
	req = parse(t, inviteText)
	req.AppendHeader(sip.NewHeader("Proxy-Authorization", "Bearer abc"))
	req.AppendHeader(sip.NewHeader("Proxy-Authorization", `Digest username="h", realm="elsewhere", nonce="n", uri="sip:x", response="r"`))
	req.AppendHeader(ours)
	if _, res := h.Authenticate(t.Context(), req, harrysPhone); res != nil {
		t.Errorf("got\n%s", res)
	}
}

func TestSourceIsShutOut(t *testing.T) {
	h := newHouse(t, Config{Failures: 3})
	text := registerText("c1", "1", "Contact: <sip:harry@10.0.0.7>")
	wrong := client{"harry", "x", "SHA-256", false}
	for i := range 3 {
		if res := h.register(t, wrong, harrysPhone, text); res.StatusCode != 401 {
			t.Fatalf("try %d: got\n%s", i, res)
		}
	}
	otherPort := netip.AddrPortFrom(harrysPhone.Addr(), 9999)
	res := h.Register(t.Context(), parse(t, text), otherPort, "UDP")
	if res.StatusCode != 503 || res.GetHeader("Retry-After").Value() != "60" {
		t.Errorf("got\n%s", res)
	}
	if res := h.register(t, harry, marysPhone, text); res.StatusCode != 200 {
		t.Errorf("another source: got\n%s", res)
	}
	h.clock = h.clock.Add(time.Minute)
	text = registerText("c2", "1", "Contact: <sip:harry@10.0.0.7>")
	if res := h.register(t, harry, harrysPhone, text); res.StatusCode != 200 {
		t.Errorf("after the window: got\n%s", res)
	}
}

// TestForgedSourceShutsNobodyOut sends, in the name of Harry's address, what somebody can write who does not receive
// what is sent there: an answer to no nonce, to one that was sent to himself, and none that can be read.
func TestForgedSourceShutsNobodyOut(t *testing.T) {
	h := newHouse(t, Config{Failures: 1})
	text := registerText("c1", "1", "Contact: <sip:harry@10.0.0.7>")
	wrong := client{"harry", "x", "MD5", false}
	own := h.Register(t.Context(), parse(t, text), marysPhone, "UDP")
	elsewhere := newHouse(t, Config{}).Register(t.Context(), parse(t, text), harrysPhone, "UDP")
	for name, challenge := range map[string]*sip.Response{"a nonce of his own": own, "a nonce of nobody": elsewhere} {
		req := parse(t, text)
		wrong.sign(t, req, challenge, 1)
		if res := h.Register(t.Context(), req, harrysPhone, "UDP"); res.StatusCode != 401 || !strings.Contains(res.String(), "stale=true") {
			t.Errorf("%s: got\n%s", name, res)
		}
	}
	bad := parse(t, registerText("c1", "1", `Authorization: Digest username="harry`))
	if res := h.Register(t.Context(), bad, harrysPhone, "UDP"); res.StatusCode != 400 {
		t.Errorf("malformed: got\n%s", res)
	}
	if res := h.register(t, harry, harrysPhone, text); res.StatusCode != 200 {
		t.Errorf("Harry is shut out:\n%s", res)
	}
}

func TestFailureTableIsBounded(t *testing.T) {
	clock := time.Unix(0, 0)
	f := newFailures(2, time.Minute, func() time.Time { return clock })
	f.most = 8
	for i := range 100 {
		f.note(netip.MustParseAddr("10.0.0." + strconv.Itoa(i)))
	}
	if len(f.by) != 8 {
		t.Errorf("%d sources are remembered", len(f.by))
	}
	a, b, c := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8:0:1::2")
	f.note(a)
	f.note(b)
	if f.blocked(a) != time.Minute || f.blocked(c) != 0 {
		t.Error("IPv6 sources are not counted by /64")
	}
	f.note(netip.MustParseAddr("::ffff:192.0.2.9"))
	f.note(netip.MustParseAddr("192.0.2.9"))
	if f.blocked(netip.MustParseAddr("192.0.2.9")) == 0 {
		t.Error("an IPv4-mapped address is another source")
	}
}

// TestUnofferedAlgorithm is the phone that gives up at a challenge that it does not know: what is not configured is
// neither offered nor accepted.
func TestUnofferedAlgorithm(t *testing.T) {
	if got := (Config{}).withDefaults().Digest; len(got) != 1 || got[0] != "MD5" {
		t.Fatalf("unconfigured, %v is offered; some phones give up at any challenge but MD5", got)
	}
	h := newHouse(t, Config{Digest: []string{"MD5"}})
	c := credentials{username: "harry", realm: realm, nonce: h.nonces.issue(harrysPhone.Addr()), uri: "sip:mary@hospital.example", algorithm: "SHA-256", qop: "auth", cnonce: "c", nc: "00000001"}
	ha1, _ := h.secret(device("harry", "alohomora"), algSHA256)
	c.response = c.answer(algSHA256, ha1, "INVITE")
	if dev, no := h.verify(t.Context(), c, "INVITE"); dev != nil || no != nil {
		t.Fatalf("SHA-256 let in %+v, refused %+v; it was not offered", dev, no)
	}
	h.cfg.Digest = append(h.cfg.Digest, "SHA-256")
	if dev, _ := h.verify(t.Context(), c, "INVITE"); dev == nil {
		t.Fatal("SHA-256 was offered and not let in")
	}
}
