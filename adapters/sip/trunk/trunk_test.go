package trunk

import (
	"crypto/md5"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"

	"c2d/adapters/sip/dialog"
	"c2d/core/call"
)

func TestIdentify(t *testing.T) {
	write := func(n string) string { return strings.TrimPrefix(n, "+") }
	from := func(name, user string) dialog.Party {
		return dialog.Party{Name: name, URI: "sip:" + user + "@c.example"}
	}
	pai := func(user string) dialog.Header {
		return dialog.Header{Name: "P-Asserted-Identity", Value: "<sip:" + user + "@c.example>"}
	}
	private := dialog.Header{Name: "Privacy", Value: "id"}
	list := Present{Numbers: []string{`\+86532.*`}, Default: "+865320"}
	for name, c := range map[string]struct {
		present Present
		show    call.Shown
		want    Identity
	}{
		"on the list":            {list, call.Shown{Name: "Harry", Number: "+865321"}, Identity{from("", "865321"), []dialog.Header{pai("865321")}}},
		"not on the list":        {list, call.Shown{Name: "Harry", Number: "+8613900139000"}, Identity{from("", "865320"), []dialog.Header{pai("865320")}}},
		"only within it":         {list, call.Shown{Number: "x+865321"}, Identity{from("", "865320"), []dialog.Header{pai("865320")}}},
		"the callee's own":       {Present{Numbers: []string{".*"}, Default: "+865320"}, call.Shown{Number: "+861"}, Identity{from("", "865320"), []dialog.Header{pai("865320")}}},
		"his own is the default": {Present{Default: "+861"}, call.Shown{Number: "+865321"}, Identity{nobody, []dialog.Header{private}}},
		"no number at all":       {list, call.Shown{Name: "Harry"}, Identity{from("", "865320"), []dialog.Header{pai("865320")}}},
		"nothing configured":     {Present{}, call.Shown{Name: "Harry", Number: "+865321"}, Identity{nobody, []dialog.Header{private}}},
		"names too":              {Present{Numbers: []string{".*"}, Names: true}, call.Shown{Name: "Harry", Number: "8001"}, Identity{from("Harry", "8001"), []dialog.Header{pai("8001")}}},
		"no name of another":     {Present{Default: "+865320", Names: true}, call.Shown{Name: "Harry", Number: "8001"}, Identity{from("", "865320"), []dialog.Header{pai("865320")}}},
		"withheld":               {Present{Default: "+865320", Withhold: true}, call.Shown{}, Identity{nobody, []dialog.Header{pai("865320"), private}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.present.Identify(c.show, "+861", "c.example", write); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestCaller(t *testing.T) {
	accepts := Trust{CIDR: "192.0.2.0/24", Accept: []string{"pai"}}
	for name, c := range map[string]struct {
		trust     Trust
		from, pai string
		want      string
	}{
		"asserted":              {accepts, "<sip:1@x>", `"M" <sip:+86138@x;user=phone>`, "+86138"},
		"asserted tel":          {accepts, "<sip:1@x>", "<tel:+86138;phone-context=x>", "+86138"},
		"asserted, not trusted": {Trust{CIDR: "192.0.2.1"}, "<sip:1@x>", "<sip:2@x>", "1"},
		"nothing asserted":      {accepts, "<sip:%23100@x>", "", "#100"},
		"asserted nonsense":     {accepts, "<sip:1@x>", "<<>>", "1"},
		"anonymous":             {accepts, "<sip:anonymous@anonymous.invalid>", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := "INVITE sip:a@b SIP/2.0\r\nFrom: " + c.from + ";tag=1\r\n"
			if c.pai != "" {
				text += "P-Asserted-Identity: " + c.pai + "\r\n"
			}
			m, err := sip.ParseMessage([]byte(text + "Content-Length: 0\r\n\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.trust.Caller(m.(*sip.Request)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	for a, want := range map[string]bool{"192.0.2.77": true, "192.0.3.1": false, "::ffff:192.0.2.1": true} {
		if got := accepts.Covers(netip.MustParseAddr(a), nil); got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
}

func TestTrustByCertificate(t *testing.T) {
	at := netip.MustParseAddr("192.0.2.77")
	for name, c := range map[string]struct {
		trust Trust
		names []string
		want  bool
	}{
		"its name":         {Trust{Certificate: "sbc.carrier.example"}, []string{"x", "SBC.carrier.example"}, true},
		"another's":        {Trust{Certificate: "sbc.carrier.example"}, []string{"carrier.example", "sbc.carrier.example.evil.example"}, false},
		"a wildcard":       {Trust{Certificate: "sbc.carrier.example"}, []string{"*.carrier.example"}, false},
		"none":             {Trust{Certificate: "sbc.carrier.example"}, nil, false},
		"and its address":  {Trust{Certificate: "a.example", CIDR: "192.0.2.0/24"}, []string{"a.example"}, true},
		"not its address":  {Trust{Certificate: "a.example", CIDR: "192.0.3.0/24"}, []string{"a.example"}, false},
		"only its address": {Trust{Certificate: "a.example", CIDR: "192.0.2.0/24"}, nil, false},
		"nothing asked":    {Trust{}, []string{""}, false},
	} {
		if got := c.trust.Covers(at, c.names); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

var (
	me       = Credentials{User: "Mufasa", Password: "Circle of Life"}
	question = Question{Method: "GET", URI: "/dir/index.html"}
)

// TestVectors are those of RFC 7616 section 3.9.1.
func TestVectors(t *testing.T) {
	for algorithm, want := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		ch, ok := parseChallenge(`Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=` + algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`)
		if !ok {
			t.Fatal("not parsed")
		}
		if got := me.answer(ch, question, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"); !strings.Contains(got, `response="`+want+`"`) {
			t.Errorf("%s: %s", algorithm, got)
		}
	}
}

// TestAnswersAgree with those of an independent client.
func TestAnswersAgree(t *testing.T) {
	for _, params := range []string{
		`algorithm=MD5`, `algorithm=MD5, qop="auth"`, `algorithm=SHA-256, qop="auth"`,
		`qop="auth"`, `algorithm=SHA-512-256, qop="auth"`, `algorithm=MD5, qop="auth-int"`,
	} {
		t.Run(params, func(t *testing.T) {
			value := `Digest realm="r", nonce="n", ` + params
			ch, ok := parseChallenge(value)
			if !ok || !ch.known() {
				t.Fatal("not known")
			}
			theirs, err := digest.ParseChallenge(value)
			if err != nil {
				t.Fatal(err)
			}
			want, err := digest.Digest(theirs, digest.Options{Method: "BYE", URI: "sip:a@b;x=y", Username: me.User, Password: me.Password, Cnonce: "c", Count: 1})
			if err != nil {
				t.Fatal(err)
			}
			if got := me.answer(ch, Question{Method: "BYE", URI: "sip:a@b;x=y"}, "c"); !strings.Contains(got, `response="`+want.Response+`"`) {
				t.Errorf("%s, want %s", got, want.Response)
			}
		})
	}
}

// TestSession follows RFC 7616 section 3.4.2: the secret is hashed once more, with both nonces. The algorithm is sent back
// as it was written.
func TestSession(t *testing.T) {
	h := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	want := h(h(h("Mufasa:r:Circle of Life")+":n:c") + ":n:00000001:c:auth:" + h("GET:/dir/index.html"))
	ch, ok := parseChallenge(`Digest realm="r", nonce="n", algorithm=MD5-sess, qop="auth"`)
	if got := me.answer(ch, question, "c"); !ok || !strings.Contains(got, `response="`+want+`"`) || !strings.Contains(got, "algorithm=MD5-sess") {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWhichChallengeIsAnswered(t *testing.T) {
	ch := func(realm, rest string) string { return `Digest realm="` + realm + `", nonce="n"` + rest }
	for name, c := range map[string]struct {
		asked []string
		want  []string // a part of each answer
		stale bool
	}{
		"the first that is known": {[]string{ch("r", ", algorithm=AKAv1-MD5"), ch("r", `, algorithm=SHA-256, qop="auth"`), ch("r", ", algorithm=MD5")}, []string{"algorithm=SHA-256"}, false},
		"each realm":              {[]string{ch("a", ""), ch("b", "")}, []string{`realm="a"`, `realm="b"`}, false},
		"stale":                   {[]string{ch("a", ", stale=TRUE")}, []string{`realm="a"`}, true},
		"one of two is stale":     {[]string{ch("a", ", stale=true"), ch("b", "")}, []string{`realm="a"`, `realm="b"`}, false},
		"none":                    {nil, nil, false},
		"none that is known":      {[]string{ch("a", ", algorithm=X"), "Basic realm=x", ch("a", `, qop="odd"`), ch("a", ", algorithm=MD5-sess")}, nil, false},
		"malformed":               {[]string{ch("a", ", realm=b"), ch("a", ", x"), `Digest realm="a`, "Digest nonce=n", "Digest realm=\"a\r\nX: y\", nonce=n", ch("a", ", algorithm=\"M;D\"")}, nil, false},
		"white space":             {[]string{"digest\trealm = \"a\" ,, nonce=n , opaque=\"o\\\"p\""}, []string{`opaque="o\"p"`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, stale := me.Answer(c.asked, question)
			if len(got) != len(c.want) || stale != c.stale {
				t.Fatalf("%q, stale %v", got, stale)
			}
			for i := range got {
				if !strings.Contains(got[i], c.want[i]) {
					t.Errorf("%q lacks %q", got[i], c.want[i])
				}
			}
		})
	}
}

// FuzzChallenge proves that what a carrier sends cannot add a line to what we answer.
func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="r", nonce="n", qop="auth", algorithm=MD5`)
	f.Add("Digest realm=\"r\r\nX: y\", nonce=\"n\"")
	f.Fuzz(func(t *testing.T, value string) {
		answers, _ := me.Answer([]string{value}, question)
		for _, a := range answers {
			if strings.ContainsAny(a, "\r\n\x00") {
				t.Errorf("%q", a)
			}
		}
	})
}
