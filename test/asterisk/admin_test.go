package asterisk

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/config"
	"c2d/test/admin"
	"c2d/test/pbx"
)

// symptoms are how calls end that cannot be made, by dial form and number, as section 5 of the page has them: a phone that is
// not registered, an extension that is not there, and a number for which nothing leads outside.
var symptoms = map[string]map[string]string{
	"dialplan": {"103": "unreachable", "202": "invalid_number", "0532 8300 1199": "invalid_number"},
	"direct":   {"103": "unreachable", "202": "unreachable", "0532 8300 1199": "unreachable"},
}

// outside is a number as the page's configuration writes it for the dialplan.
const outside = "9053283001102"

// TestAdminWithAnAsterisk follows sections 1, 3 and 4 of the page on the sample files of Asterisk's own package, with the
// phones and the dialplan that such an admin has already.
func TestAdminWithAnAsterisk(t *testing.T) {
	t.Parallel()
	addr := pbx.NextAddress()
	a := pbx.StartAsterisk(t, pbx.Switch{Addr: addr, Stock: true, Files: []pbx.File{
		{Name: "pjsip.conf", Text: existingPhones(addr)},
		{Name: "extensions.conf", Text: "[general]\nstatic = yes\n[from-internal]\nexten => _1XX,1,Dial(PJSIP/${EXTEN},60)\n same => n,Hangup()\nexten => " + outside + ",1,Dial(PJSIP/102,60)\n"},
	}})
	frames1 := page.Frames(t, "1 ", "ini")
	for _, script := range page.Frames(t, "1 ", "sh") {
		page.Shell(t, script, "cp ", "/etc/asterisk/", a.Etc("")+"/")
	}
	paste(t, a, frames1)
	own(t, a, "http.conf", "ari_c2d.conf")
	for _, script := range page.Frames(t, "1 ", "sh") {
		if strings.Contains(script, "asterisk -rx") {
			commands(t, a, script)
		}
	}
	for name, n := range map[string]int{"dialplan": 0, "direct": 1} {
		t.Run(name, func(t *testing.T) {
			h := newHospital(t, a, n)
			h.Checks(t)
			h.Opens(t)
			harry, mary := h.Talks(t, "")
			if name == "dialplan" {
				h.Clicks(t, "0532 8300 1102")
				h.Over(t, harry, mary)
			}
			for number, want := range symptoms[name] {
				if got := h.Ends(t, h.Clicks(t, number)); got != want {
					t.Errorf("a call to %s ends as %s, the page says %s", number, got, want)
				}
				h.Released(t, harry) // once he has heard that it failed
			}
		})
	}
	commands(t, a, page.Text(t))
	t.Run("TLS", func(t *testing.T) { overTLS(t, a) })
}

// TestAdminWithNothing follows sections 2 and 3.
func TestAdminWithNothing(t *testing.T) {
	t.Parallel()
	a := pbx.StartAsterisk(t, pbx.Switch{})
	for _, script := range page.Frames(t, "2 ", "sh") {
		page.Shell(t, script, "cp ", "/etc/asterisk/", a.Etc("")+"/")
	}
	own(t, a, "http.conf", "ari.conf", "pjsip.conf")
	a.Stop()
	a.Start(t)
	h := newHospital(t, a, 1)
	h.Checks(t)
	h.Opens(t)
	h.Talks(t, "replace-this-password-")
	a.Stop()
	h.Ready(t, false)
	a.Start(t)
	h.Ready(t, true)
}

// existingPhones is a pjsip.conf with the phones 101 to 103.
func existingPhones(addr netip.Addr) string {
	text := fmt.Sprintf("[udp]\ntype = transport\nprotocol = udp\nbind = %s:5060\n", addr)
	for _, x := range []string{"101", "102", "103"} {
		text += fmt.Sprintf("[%[1]s]\ntype = endpoint\ncontext = from-internal\ndisallow = all\nallow = alaw\naors = %[1]s\ndirect_media = no\n[%[1]s]\ntype = aor\nmax_contacts = 1\n", x)
	}
	return text
}

// own puts this test's address and password in the place of those that the files have.
func own(t *testing.T, a *pbx.Asterisk, files ...string) {
	t.Helper()
	for _, f := range files {
		edit(t, a, f, strings.NewReplacer("127.0.0.1", a.Addr.Addr().String(), "0.0.0.0", a.Addr.Addr().String(), "replace-this-ari-password", a.Password).Replace)
	}
}

// newHospital has the n-th configuration of the page.
func newHospital(t *testing.T, a *pbx.Asterisk, n int) *admin.Hospital {
	t.Helper()
	return &admin.Hospital{Page: page, Config: configured(t, a, n), Phones: a.Addr}
}

// configured is the n-th configuration of the page, with this test's addresses.
func configured(t *testing.T, a *pbx.Asterisk, n int) config.Config {
	t.Helper()
	text := strings.ReplaceAll(page.Frames(t, "3 ", "yaml")[n], "http://127.0.0.1:8088/ari", a.URL)
	file := filepath.Join(t.TempDir(), "c2d.yaml")
	text += fmt.Sprintf("http: {listen: \"127.0.0.1:0\"}\nstore: {url: \"sqlite:%s\"}\n", filepath.Join(filepath.Dir(file), "c2d.db"))
	cfg, err := config.Parse(file, []byte(text), func(name string) (string, bool) { return a.Password, name == "ARI_PASSWORD" })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// overTLS follows section 4: C2D reaches Asterisk over TLS, and only with the certificate's signer.
func overTLS(t *testing.T, a *pbx.Asterisk) {
	cert, key := pbx.Certificate(t, a.Addr.Addr())
	paste(t, a, page.Frames(t, "4 ", "ini"))
	edit(t, a, "http.conf", strings.NewReplacer("127.0.0.1", a.Addr.Addr().String(), "/etc/asterisk/keys/ari.pem", cert, "/etc/asterisk/keys/ari.key", key).Replace)
	a.Console(t, "module reload http")
	cfg := configured(t, a, 0)
	ari := cfg.Backends[0].Asterisk
	ari.URL = fmt.Sprintf("https://%s:8089/ari", a.Addr.Addr())
	if said := app.Check(t.Context(), cfg); len(said) != 1 || !strings.Contains(said[0], "certificate") {
		t.Errorf("with a certificate that nobody knows, c2d check says %q", said)
	}
	ari.CA = cert
	h := &admin.Hospital{Page: page, Config: cfg, Phones: a.Addr}
	h.Checks(t)
	h.Opens(t)
	h.Ready(t, true)
}
