package registrar

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"c2d/core/user"
)

// TestDialogue shows the whole wire text of one registration.
func TestDialogue(t *testing.T) {
	h := newHouse(t, Config{})
	text := registerText("c1", "1", `Contact: "Harry" <sip:harry@10.0.0.7:5062>;expires=300`, "User-Agent: Desk/1.0", "Content-Length: 0")
	challenge := h.Register(t.Context(), parse(t, text), harrysPhone, "UDP")
	wantText(t, challenge, `SIP/2.0 401 Unauthorized
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK1
From: <sip:harry@hospital.example>;tag=a
To: <sip:harry@hospital.example>;tag=TAG
Call-ID: c1
CSeq: 1 REGISTER
Content-Length: 0
WWW-Authenticate: Digest realm="hospital.example", nonce="NONCE", algorithm=SHA-256, qop="auth"
WWW-Authenticate: Digest realm="hospital.example", nonce="NONCE", algorithm=MD5, qop="auth"
`)
	req := parse(t, text)
	harry.sign(t, req, challenge, 1)
	wantText(t, h.Register(t.Context(), req, harrysPhone, "UDP"), `SIP/2.0 200 OK
Via: SIP/2.0/UDP 198.51.100.7:5062;branch=z9hG4bK1
From: <sip:harry@hospital.example>;tag=a
To: <sip:harry@hospital.example>;tag=TAG
Call-ID: c1
CSeq: 1 REGISTER
Content-Length: 0
Contact: <sip:harry@10.0.0.7:5062>;expires=300
Supported: path, outbound
Date: Sun, 22 Nov 2026 08:15:30 GMT
`)
	got, err := h.Bindings(t.Context(), "main", "sip:harry@hospital.example")
	want := user.Binding{Tenant: "main", AOR: "sip:harry@hospital.example", Contact: "sip:harry@10.0.0.7:5062", CallID: "c1", CSeq: 1, Transport: "udp",
		Source: harrysPhone, UserAgent: "Desk/1.0", UpdatedAt: h.clock, ExpiresAt: h.clock.Add(5 * time.Minute)}
	if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("stored %+v, %v", got, err)
	}
}

var (
	tagValue   = regexp.MustCompile(`;tag=[0-9a-f-]{36}`)
	nonceValue = regexp.MustCompile(`nonce="[^"]*"`)
)

func wantText(t *testing.T, res *sip.Response, want string) {
	t.Helper()
	got := nonceValue.ReplaceAllString(tagValue.ReplaceAllString(res.String(), ";tag=TAG"), `nonce="NONCE"`)
	got = strings.TrimSuffix(strings.ReplaceAll(got, "\r\n", "\n"), "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestRegister runs one REGISTER each, on a phone that is already registered as <sip:harry@10.0.0.7:5062> with Call-ID
// c1 and CSeq 5.
func TestRegister(t *testing.T) {
	const instance = `;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`
	for name, c := range map[string]struct {
		callID, cseq string
		lines        []string
		status       int
		reason       string
		headers      []string // that must be there
		contacts     []string // all of the 200
	}{
		"query": {"c1", "6", nil, 200, "OK", nil, []string{"<sip:harry@10.0.0.7:5062>;expires=290"}},
		"refresh without a change": {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>", "Expires: 300"}, 200, "OK", nil,
			[]string{"<sip:harry@10.0.0.7:5062>;expires=300"}},
		"nothing asked: the default": {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>"}, 200, "OK", nil, []string{"<sip:harry@10.0.0.7:5062>;expires=3600"}},
		"malformed: the default":     {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>;expires=soon"}, 200, "OK", nil, []string{"<sip:harry@10.0.0.7:5062>;expires=3600"}},
		"too long: the most":         {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>;expires=99999999999999999999"}, 200, "OK", nil, []string{"<sip:harry@10.0.0.7:5062>;expires=7200"}},
		"a contact's expires wins, in any case": {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>;Expires=120", "Expires: 0"}, 200, "OK", nil,
			[]string{"<sip:harry@10.0.0.7:5062>;expires=120"}},
		"compact form":   {"c1", "6", []string{"m: <sip:harry@10.0.0.7:5062>;expires=100"}, 200, "OK", nil, []string{"<sip:harry@10.0.0.7:5062>;expires=100"}},
		"without angles": {"c1", "6", []string{"Contact: sip:harry@10.0.0.7:5062;expires=100"}, 200, "OK", nil, []string{"<sip:harry@10.0.0.7:5062>;expires=100"}},
		"a second phone, from another Call-ID": {"c2", "1", []string{"Contact: <sip:harry@10.0.0.8>;expires=60"}, 200, "OK", nil,
			[]string{"<sip:harry@10.0.0.8>;expires=60", "<sip:harry@10.0.0.7:5062>;expires=290"}},
		"two in one header": {"c2", "1", []string{"Contact: <sip:harry@10.0.0.8>;expires=60, <sip:harry@10.0.0.9;transport=tcp>;expires=70"}, 200, "OK", nil,
			[]string{"<sip:harry@10.0.0.8>;expires=60", "<sip:harry@10.0.0.9;transport=tcp>;expires=70", "<sip:harry@10.0.0.7:5062>;expires=290"}},
		"one added, one removed": {"c1", "6", []string{"Contact: <sip:harry@10.0.0.8>;expires=60", "Contact: <sip:harry@10.0.0.7:5062>;expires=0"}, 200, "OK", nil,
			[]string{"<sip:harry@10.0.0.8>;expires=60"}},
		"equal by RFC 3261 19.1.4, replaced": {"c1", "6", []string{"Contact: <SIP:%68arry@10.0.0.7:5062;line=x>;expires=60"}, 200, "OK", nil,
			[]string{"<sip:%68arry@10.0.0.7:5062;line=x>;expires=60"}},
		"another transport is another contact": {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062;transport=tcp>;expires=60"}, 200, "OK", nil,
			[]string{"<sip:harry@10.0.0.7:5062;transport=tcp>;expires=60", "<sip:harry@10.0.0.7:5062>;expires=290"}},
		"removed":                {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>;expires=0"}, 200, "OK", nil, nil},
		"removed from elsewhere": {"c9", "1", []string{"Contact: <sip:harry@10.0.0.7:5062>", "Expires: 0"}, 200, "OK", nil, nil},
		"unknown one removed":    {"c1", "6", []string{"Contact: <sip:harry@10.0.0.99>;expires=0"}, 200, "OK", nil, []string{"<sip:harry@10.0.0.7:5062>;expires=290"}},
		"all removed":            {"c1", "6", []string{"Contact: *", "Expires: 0"}, 200, "OK", nil, nil},
		"outbound": {"c2", "1", []string{"Contact: <sip:harry@10.0.0.8>;reg-id=1;expires=60" + instance, "Supported: path, outbound"}, 200, "OK", []string{"Require: outbound"},
			[]string{`<sip:harry@10.0.0.8>;expires=60;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1`, "<sip:harry@10.0.0.7:5062>;expires=290"}},
		"path": {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>;expires=60", "Path: <sip:edge@10.1.1.1;lr>, <sip:10.1.1.2;lr;ob>", "Require: path"}, 200, "OK",
			[]string{"Path: <sip:edge@10.1.1.1;lr>, <sip:10.1.1.2;lr;ob>"}, []string{"<sip:harry@10.0.0.7:5062>;expires=60"}},

		"too brief":         {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>;expires=59"}, 423, "Interval Too Brief", []string{"Min-Expires: 60"}, nil},
		"older CSeq":        {"c1", "4", []string{"Contact: <sip:harry@10.0.0.7:5062>"}, 500, "CSeq Out Of Order", nil, nil},
		"the same CSeq":     {"c1", "5", []string{"Contact: <sip:harry@10.0.0.7:5062>;expires=0"}, 500, "CSeq Out Of Order", nil, nil},
		"older CSeq with *": {"c1", "5", []string{"Contact: *", "Expires: 0"}, 500, "CSeq Out Of Order", nil, nil},
		"* without Expires": {"c1", "6", []string{"Contact: *"}, 400, "Contact * Must Be Alone With Expires 0", nil, nil},
		"* with Expires 60": {"c1", "6", []string{"Contact: *", "Expires: 60"}, 400, "Contact * Must Be Alone With Expires 0", nil, nil},
		"* beside another":  {"c1", "6", []string{"Contact: *", "Contact: <sip:harry@10.0.0.8>", "Expires: 0"}, 400, "Contact * Must Be Alone With Expires 0", nil, nil},
		"the same twice":    {"c1", "6", []string{"Contact: <sip:harry@10.0.0.8>, <sip:harry@10.0.0.8>"}, 400, "Duplicate Contact", nil, nil},
		"one flow twice":    {"c1", "6", []string{"Contact: <sip:harry@10.0.0.8>" + instance, "Contact: <sip:harry@10.0.0.9>" + instance}, 400, "Duplicate Contact", nil, nil},
		"one flow moved": {"c1", "6", []string{"Contact: <sip:harry@10.0.0.7:5062>;expires=0" + instance, "Contact: <sip:harry@10.0.0.9>;expires=60" + instance}, 200, "OK", nil,
			[]string{`<sip:harry@10.0.0.9>;expires=60;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"`}},
		"eleven in one":                    {"c1", "6", manyContacts(11), 403, "Too Many Contacts", nil, nil},
		"no SIP contact":                   {"c1", "6", []string{"Contact: <mailto:harry@hospital.example>"}, 400, "Bad Contact URI", nil, nil},
		"contact with headers":             {"c1", "6", []string{"Contact: <sip:harry@10.0.0.8?Route=x>"}, 400, "Bad Contact URI", nil, nil},
		"contact with a control":           {"c1", "6", []string{"Contact: <sip:harry\x01@10.0.0.8>"}, 400, "Bad Contact URI", nil, nil},
		"contact with a hidden line break": {"c1", "6", []string{"Contact: <sip:harry%0d%0aX-Evil:1@10.0.0.8>"}, 400, "Bad Contact URI", nil, nil},
		"contact with a quote":             {"c1", "6", []string{`Contact: <sip:ha"rry@10.0.0.8>`}, 400, "Bad Contact URI", nil, nil},
		"contact without host":             {"c1", "6", []string{"Contact: <sip:harry@>"}, 400, "Bad Contact URI", nil, nil},
		"contact beyond ports":             {"c1", "6", []string{"Contact: <sip:harry@10.0.0.8:99999>"}, 400, "Bad Contact URI", nil, nil},
		"bad path":                         {"c1", "6", []string{"Contact: <sip:harry@10.0.0.8>", "Path: 10.1.1.1"}, 400, "Bad Path", nil, nil},
		"unknown extension":                {"c1", "6", []string{"Contact: <sip:harry@10.0.0.8>", "Require: path, gruu, foo"}, 420, "Bad Extension", []string{"Unsupported: gruu, foo"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, Config{})
			first := h.register(t, harry, harrysPhone, registerText("c1", "5", "Contact: <sip:harry@10.0.0.7:5062>;expires=300"))
			if first.StatusCode != 200 {
				t.Fatal(first)
			}
			before := slices.Clone(h.store.bindings)
			h.clock = h.clock.Add(10 * time.Second)
			res := h.register(t, harry, harrysPhone, registerText(c.callID, c.cseq, c.lines...))
			if res.StatusCode != c.status || res.Reason != c.reason || !slices.Equal(contacts(res), c.contacts) {
				t.Errorf("got\n%s", res)
			}
			for _, want := range c.headers {
				if !strings.Contains(res.String(), "\r\n"+want+"\r\n") {
					t.Errorf("%s is missing in\n%s", want, res)
				}
			}
			if c.status != 200 && fmt.Sprint(h.store.bindings) != fmt.Sprint(before) {
				t.Error("a refused REGISTER changed the bindings")
			}
		})
	}
}

func manyContacts(n int) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf("Contact: <sip:harry@10.0.1.%d>", i))
	}
	return lines
}

func TestWhoseAddress(t *testing.T) {
	for name, c := range map[string]struct {
		edit   *strings.Replacer
		status int
	}{
		"own":                       {strings.NewReplacer(), 200},
		"own, by our IP address":    {strings.NewReplacer("@hospital.example>\n", "@192.0.2.1>\n", "sip:hospital.example ", "sip:192.0.2.1 "), 200},
		"own, domain in upper case": {strings.NewReplacer("@hospital.example>\n", "@HOSPITAL.example:5060;user=phone>\n"), 200},
		"of another":                {strings.NewReplacer("harry@hospital.example>\n", "mary@hospital.example>\n"), 403},
		"by another (From)":         {strings.NewReplacer("harry@hospital.example>;tag", "mary@hospital.example>;tag"), 403},
		"of nobody":                 {strings.NewReplacer("harry@hospital.example>\n", "ron@hospital.example>\n"), 404},
		"of another domain":         {strings.NewReplacer("@hospital.example>\n", "@elsewhere.example>\n"), 404},
		"at another domain":         {strings.NewReplacer("sip:hospital.example ", "sip:elsewhere.example "), 404},
		"without a user":            {strings.NewReplacer("sip:harry@hospital.example>\n", "sip:hospital.example>\n"), 404},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, Config{})
			res := h.register(t, harry, harrysPhone, c.edit.Replace(registerText("c1", "1", "Contact: <sip:harry@10.0.0.7>")))
			if res.StatusCode != c.status {
				t.Errorf("got\n%s", res)
			}
			if stored := len(h.store.bindings) == 1; stored != (c.status == 200) {
				t.Errorf("stored %v", h.store.bindings)
			}
		})
	}
}

func TestMalformedRequests(t *testing.T) {
	for reason, edit := range map[string]*strings.Replacer{
		"Missing Call-ID":      strings.NewReplacer("Call-ID: c1\n", ""),
		"Missing From":         strings.NewReplacer("From: ", "X-From: "),
		"Missing To":           strings.NewReplacer("To: ", "X-To: "),
		"Missing CSeq":         strings.NewReplacer("CSeq: ", "X-CSeq: "),
		"Missing Via":          strings.NewReplacer("Via: ", "X-Via: "),
		"CSeq Method Mismatch": strings.NewReplacer("1 REGISTER", "1 INVITE"),
		"Bad Call-ID":          strings.NewReplacer("Call-ID: c1", "Call-ID: c\x071"),
	} {
		t.Run(reason, func(t *testing.T) {
			h := newHouse(t, Config{})
			res := h.Register(t.Context(), parse(t, edit.Replace(registerText("c1", "1"))), harrysPhone, "UDP")
			if res.StatusCode != 400 || res.Reason != reason {
				t.Errorf("got\n%s", res)
			}
		})
	}
}

func TestExpiry(t *testing.T) {
	h := newHouse(t, Config{})
	h.register(t, harry, harrysPhone, registerText("c1", "5", "Contact: <sip:harry@10.0.0.7>;expires=60"))
	h.clock = h.clock.Add(61 * time.Second)
	if got, err := h.Bindings(t.Context(), "main", "sip:harry@192.0.2.1"); err != nil || len(got) != 0 {
		t.Errorf("an expired binding is there: %v, %v", got, err)
	}
	// A phone that restarts with its old Call-ID and a lower CSeq is taken back once its binding has expired.
	if res := h.register(t, harry, harrysPhone, registerText("c1", "1", "Contact: <sip:harry@10.0.0.7>")); res.StatusCode != 200 {
		t.Errorf("got\n%s", res)
	}
}

func TestPhoneWithInstanceMoves(t *testing.T) {
	h := newHouse(t, Config{})
	const instance = `;expires=60;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=`
	for i, line := range []string{"10.0.0.7>" + instance + "1", "10.0.0.7:6000>" + instance + "2", "10.0.0.9>" + instance + "1"} {
		res := h.register(t, harry, harrysPhone, registerText(fmt.Sprint("c", i), "1", "Contact: <sip:harry@"+line))
		if res.StatusCode != 200 {
			t.Fatal(res)
		}
	}
	got, _ := h.Bindings(t.Context(), "main", "sip:harry@hospital.example")
	if len(got) != 2 || got[0].Contact != "sip:harry@10.0.0.7:6000" || got[1].Contact != "sip:harry@10.0.0.9" {
		t.Errorf("got %v", got)
	}
}

func TestEleventhBindingReplacesTheOldest(t *testing.T) {
	h := newHouse(t, Config{})
	for i := range 11 {
		h.clock = h.clock.Add(time.Second)
		text := registerText(fmt.Sprint("c", i), "1", fmt.Sprintf("Contact: <sip:harry@10.0.0.%d>", i))
		if res := h.register(t, harry, harrysPhone, text); res.StatusCode != 200 || len(contacts(res)) != min(i+1, 10) {
			t.Fatalf("got\n%s", res)
		}
	}
	got, _ := h.Bindings(t.Context(), "main", "sip:harry@hospital.example")
	if len(got) != 10 || got[0].Contact != "sip:harry@10.0.0.10" || got[9].Contact != "sip:harry@10.0.0.1" {
		t.Errorf("got %v", got)
	}
}

func TestStoreDown(t *testing.T) {
	h := newHouse(t, Config{})
	text := registerText("c1", "1", "Contact: <sip:harry@10.0.0.7>")
	challenge := h.Register(t.Context(), parse(t, text), harrysPhone, "UDP")
	h.store.setDown(true)
	req := parse(t, text)
	harry.sign(t, req, challenge, 1)
	res := h.Register(t.Context(), req, harrysPhone, "UDP")
	if res.StatusCode != 503 || res.GetHeader("Retry-After") == nil || len(contacts(res)) != 0 {
		t.Errorf("got\n%s", res)
	}
	h.store.setDown(false)
	if res := h.register(t, harry, harrysPhone, text); res.StatusCode != 200 {
		t.Errorf("got\n%s", res)
	}
}

func TestParallelRegistersOfOneAddress(t *testing.T) {
	h := newHouse(t, Config{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			h.register(t, harry, harrysPhone, registerText(fmt.Sprint("c", i), "1", fmt.Sprintf("Contact: <sip:harry@10.0.0.%d>", i)))
		})
	}
	wg.Wait()
	if got, _ := h.Bindings(t.Context(), "main", "sip:harry@hospital.example"); len(got) != 10 || h.store.writes != 20 {
		t.Errorf("%d bindings after %d writes", len(got), h.store.writes)
	}
}
