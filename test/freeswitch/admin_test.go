package freeswitch

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"c2d/cmd/c2d/app"
	"c2d/cmd/c2d/config"
	"c2d/test/admin"
	"c2d/test/pbx"
)

const page admin.Page = "../../pbx-configs/freeswitch"

// TestPageLeadsSomewhere looks whether every file that the page names is there.
func TestPageLeadsSomewhere(t *testing.T) { page.LeadsSomewhere(t) }

// TestAdminWithAFreeSWITCH follows sections 1, 3 and 4 of the page on the configuration that FreeSWITCH comes with, and the phones
// that such an admin has already.
func TestAdminWithAFreeSWITCH(t *testing.T) {
	t.Parallel()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{Stock: true, Files: []pbx.File{{Name: "directory/default/ours.xml", Text: theirs("default", "101", "102", "103")}}})
	for _, script := range page.Frames(t, "1 ", "sh") {
		page.Shell(t, script, "cp ", "/etc/freeswitch/", f.Etc("")+"/")
	}
	own(t, f)
	pasted := page.Frames(t, "1 ", "xml")
	setParams(t, f, "autoload_configs/switch.conf.xml", pasted[1])
	addLines(t, f, "vars.xml", pasted[2])
	edit(t, f, "vars.xml", strings.NewReplacer("default_password=1234", "default_password=not-1234").Replace) // section 4
	for _, script := range page.Frames(t, "1 ", "sh") {
		if strings.Contains(script, "fs_cli") {
			commands(t, f, script)
		}
	}
	h := newHospital(t, f)
	if said := app.Check(t.Context(), h.Config); len(said) != 1 || !strings.Contains(said[0], "leads to the gateway hospital") {
		t.Errorf("all of the page is done but for the name of the trunk, and c2d check says %q", said)
	}
	h.Opens(t)
	harry, _ := h.Talks(t, "ward-")
	if said := app.Limits(t.Context(), configured(t, f)); len(said) != 0 {
		t.Errorf("all of the page is done, and c2d check notes %q", said)
	}
	for number, want := range map[string]string{"103": "unreachable", "202": "invalid_number", "0532 8300 1199": "backend_failed"} {
		if got := h.Ends(t, h.Clicks(t, number)); got != want {
			t.Errorf("a call to %s ends as %s, the page says %s", number, got, want)
		}
		h.Released(t, harry) // once he has heard that it failed
	}
}

// TestAdminWithNothing follows sections 2 and 3.
func TestAdminWithNothing(t *testing.T) {
	t.Parallel()
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{})
	f.Stop()
	for _, script := range page.Frames(t, "2 ", "sh") {
		page.Shell(t, script, "cp ", "/etc/freeswitch/", f.Etc("")+"/")
	}
	own(t, f)
	f.Start(t)
	h := newHospital(t, f)
	h.Checks(t)
	h.Opens(t)
	h.Talks(t, "replace-this-password-")
}

// What a FusionPBX has: each hospital a domain, which is the context of its phones too, and gateways with a UUID for a name.
const (
	tenant = "clinic.example"
	trunk  = "5c5e9b1e-6f0c-4a53-9a3f-0c6f1f6a2d11"
)

// TestAdminWithATenant is what the page says of FusionPBX, as far as a FreeSWITCH without it can show: phones in a domain and a context of
// their own, and a trunk by its UUID.
func TestAdminWithATenant(t *testing.T) {
	t.Parallel()
	carrier := pbx.StartBaresip(t, pbx.Phone{User: "053283001000", Domain: "127.0.0.1", Password: "x", Tone: 440, Auto: true})
	f := pbx.StartFreeSWITCH(t, pbx.Exchange{Stock: true, Files: []pbx.File{
		{Name: "directory/clinic.xml", Text: "<include>\n" + `<domain name="` + tenant + `"><params><param name="dial-string" value="{sip_invite_domain=` + tenant +
			`,presence_id=${dialed_user}@` + tenant + `}${sofia_contact(*/${dialed_user}@` + tenant + `)}"/></params><users>` + "\n" + theirs(tenant, "101", "102") + "</users></domain>\n</include>\n"},
		{Name: "sip_profiles/external/trunk.xml", Text: fmt.Sprintf("<include>\n<gateway name=%q>\n<param name=\"proxy\" value=%q/>\n<param name=\"register\" value=\"false\"/>\n</gateway>\n</include>\n", trunk, carrier.Addr)},
		{Name: "dialplan/clinic.xml", Text: intoContext(t, tenant)},
	}})
	f.Kill()
	edit(t, f, "sip_profiles/internal.xml", func(text string) string {
		return regexp.MustCompile(`(?m)^.*name="force-(register|register-db|subscription)-domain".*\n`).ReplaceAllString(text, "")
	})
	edit(t, f, "dialplan/clinic.xml", strings.NewReplacer("127.0.0.1:8084", door(f)).Replace)
	f.Start(t)
	h := newHospital(t, f)
	h.Domain = tenant
	b := h.Config.Backends[0].FreeSWITCH
	b.Password = f.Password
	b.Dial[0].To, b.Dial[1].To = "user/{number}@"+tenant, "sofia/gateway/"+trunk+"/{number}"
	lines(t, app.Check(t.Context(), h.Config), "everybody knows", "default_password") // which stand in other files, there too
	h.Opens(t)
	harry, _ := h.Talks(t, "ward-")
	h.Clicks(t, "0532 8300 1000")
	carrier.Await("CALL_ESTABLISHED", patience)
	h.Does(t, "hang up", harry.HangUp)
	h.Released(t, harry)
}

// intoContext is the feature code as the page says it for a context of another name.
func intoContext(t *testing.T, context string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(page), "include", "00_c2d.xml"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("<include>", "<include>\n<context name=\""+context+"\">", "</include>", "</context>\n</include>", "XML default", "XML "+context).Replace(string(text))
}

// theirs are phones of a directory, as an admin has them.
func theirs(context string, extensions ...string) string {
	var b strings.Builder
	for _, x := range extensions {
		fmt.Fprintf(&b, `<user id="%[1]s"><params><param name="password" value="ward-%[1]s"/></params><variables><variable name="user_context" value="%[2]s"/></variables></user>`+"\n", x, context)
	}
	return b.String()
}

// door is where this test's service waits for the dialplan.
func door(f *pbx.FreeSWITCH) string {
	return netip.AddrPortFrom(f.Socket.Addr(), 8084).String()
}

// own puts this test's addresses and password in the place of those that the files have.
func own(t *testing.T, f *pbx.FreeSWITCH) {
	t.Helper()
	f.Password = "only-for-this-test"
	words := strings.NewReplacer("address=$${local_ip_v4}", "address="+f.Addr.Addr().String(), "127.0.0.1:8084", door(f),
		`"listen-ip" value="127.0.0.1"`, fmt.Sprintf(`"listen-ip" value="%s"`, f.Socket.Addr()), "esl_address=127.0.0.1", "esl_address="+f.Socket.Addr().String(),
		"replace-this-esl-password", f.Password)
	for _, name := range []string{"vars.xml", "autoload_configs/event_socket.conf.xml", "dialplan/default/00_c2d.xml"} {
		edit(t, f, name, words.Replace)
	}
}

// edit changes one of FreeSWITCH's files.
func edit(t *testing.T, f *pbx.FreeSWITCH, name string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(f.Etc(name))
	if err == nil {
		err = os.WriteFile(f.Etc(name), []byte(change(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

var param = regexp.MustCompile(`<param name="([^"]+)" value="[^"]*"/>`)

// setParams changes lines of a file to those that the page shows, as its reader is told to.
func setParams(t *testing.T, f *pbx.FreeSWITCH, name, lines string) {
	t.Helper()
	for _, m := range param.FindAllStringSubmatch(lines, -1) {
		edit(t, f, name, func(text string) string {
			old := regexp.MustCompile(`<param name="` + m[1] + `" value="[^"]*"/>`)
			if len(old.FindAllString(text, -1)) != 1 {
				t.Fatalf("%s has not one line of %s to change", name, m[1])
			}
			return old.ReplaceAllString(text, m[0])
		})
	}
}

// addLines adds lines to a file that ends with "</include>".
func addLines(t *testing.T, f *pbx.FreeSWITCH, name, lines string) {
	t.Helper()
	edit(t, f, name, func(text string) string { return strings.Replace(text, "</include>", lines+"</include>", 1) })
}

var consoled = regexp.MustCompile(`fs_cli -x "([^"]+)"`)

// commands gives every command of a frame at the console, in order. The last ends the connection that it comes by.
func commands(t *testing.T, f *pbx.FreeSWITCH, script string) {
	t.Helper()
	password := f.Password
	for _, m := range consoled.FindAllStringSubmatch(script, -1) {
		f.Password = "ClueCon" // until the event socket has read its file again
		said, err := f.API(m[1])
		if strings.HasPrefix(said, "-") || err != nil && m[1] != "reload mod_event_socket" {
			t.Errorf("%s: %q, %v", m[1], said, err)
		}
	}
	f.Password = password
	pbx.Eventually(t, patience, "the new password holds", func() bool { _, err := f.API("status"); return err == nil })
}

// newHospital has the configuration of the page.
func newHospital(t *testing.T, f *pbx.FreeSWITCH) *admin.Hospital {
	t.Helper()
	text := strings.NewReplacer("127.0.0.1:8021", f.Socket.String(), "127.0.0.1:8084", door(f)).Replace(page.Frames(t, "3 ", "yaml")[0])
	return &admin.Hospital{Page: page, Phones: f.Addr, Config: parsed(t, f, text)}
}

// parsed is a configuration of a page's, with a service of this test's.
func parsed(t *testing.T, f *pbx.FreeSWITCH, text string) config.Config {
	t.Helper()
	text += fmt.Sprintf("http: {listen: \"127.0.0.1:0\"}\nstore: {url: \"sqlite:%s\"}\n", filepath.Join(t.TempDir(), "c2d.db"))
	cfg, err := config.Parse("c2d.yaml", []byte(text), func(name string) (string, bool) { return f.Password, name == "ESL_PASSWORD" })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}
