package pbx

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Exchange says how a FreeSWITCH is to differ from pbx-configs/freeswitch/complete.
type Exchange struct {
	Addr    netip.Addr     // its own address; the zero value takes the next free one
	Files   []File         // further files, or others in place of its own, by their path below the configuration's folder
	Carrier netip.AddrPort // where the gateway "hospital" leads, and whose calls it takes; the zero value is nobody
	Socket  netip.AddrPort // where *55 looks for C2D; the zero value is where the files say
	Open    bool           // phones register without a password; who calls still shows it
	Stock   bool           // begins with the configuration that FreeSWITCH's own packages come with instead
}

// configure lays out the files of pbx-configs with this test's addresses and passwords.
func (f *FreeSWITCH) configure(t testing.TB, x Exchange) {
	t.Helper()
	for _, folder := range freeswitchFolders {
		f.mkdir(t, folder)
	}
	if x.Stock {
		f.lay(t, f.stock(t), stockWords(x.Addr))
	} else {
		configs := filepath.Join(repository(), "pbx-configs", "freeswitch")
		f.lay(t, configs+"/complete", x.words())
		f.write(t, "dialplan/default/00_c2d.xml", x.words().Replace(read(t, configs+"/include/00_c2d.xml")))
	}
	if x.Open {
		f.write(t, "sip_profiles/internal/open.xml", openProfile)
	}
	for _, file := range x.Files {
		f.write(t, file.Name, file.Text)
	}
}

// lay copies the files of a configuration, with other words in them.
func (f *FreeSWITCH) lay(t testing.TB, configs string, own *strings.Replacer) {
	t.Helper()
	for _, below := range []string{"/*.xml", "/*/*.xml", "/*/*/*.xml"} {
		for _, file := range glob(t, configs+below) {
			name, _ := filepath.Rel(configs, file) // it is below
			if !strings.Contains(name, "ipv6") {
				f.write(t, name, own.Replace(read(t, file)))
			}
		}
	}
}

// words replaces what is the admin's to replace. The ports of sound are above those that phones of tests have.
func (x Exchange) words() *strings.Replacer {
	pairs := []string{"address=$${local_ip_v4}", "address=" + x.Addr.String(), "esl_address=127.0.0.1", "esl_address=" + x.Addr.String(),
		"replace-this-esl-password", eslPassword, `"rtp-start-port" value="20000"`, fmt.Sprintf(`"rtp-start-port" value="%d"`, firstBlock+manyBlocks*blockSize)}
	if x.Carrier.IsValid() {
		pairs = append(pairs, "trunk_proxy=carrier.example", "trunk_proxy="+x.Carrier.String(), "192.0.2.1/32", x.Carrier.Addr().String()+"/32")
	}
	if x.Socket.IsValid() {
		pairs = append(pairs, "127.0.0.1:8084", x.Socket.String())
	}
	return strings.NewReplacer(pairs...)
}

// openProfile has one setting a line: FreeSWITCH drops a line that holds "<include>".
const openProfile = `<param name="accept-blind-reg" value="true"/>` + "\n"

// Extensions is the file of many phones with one password, from the first extension on: "user/20001" and so on.
func Extensions(first, many int, password string) File {
	var b strings.Builder
	for n := first; n < first+many; n++ {
		fmt.Fprintf(&b, `<user id="%[1]d"><params><param name="password" value="%[2]s"/></params><variables><variable name="user_context" value="default"/>`+
			`<variable name="effective_caller_id_number" value="%[1]d"/></variables></user>`+"\n", n, password)
	}
	return File{Name: "directory/phones/phones.xml", Text: b.String()}
}

func (f *FreeSWITCH) mkdir(t testing.TB, folder string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(f.dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
}

func (f *FreeSWITCH) write(t testing.TB, name, text string) {
	t.Helper()
	f.mkdir(t, filepath.Join("conf", filepath.Dir(name)))
	if err := os.WriteFile(f.Etc(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
