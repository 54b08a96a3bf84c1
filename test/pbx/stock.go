package pbx

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// strangers are sample files of parts that C2D has nothing to do with and that would listen on every address, or look for
// hardware, on the machine of whoever runs the tests: such a part does not start without its file.
var strangers = []string{"iax.conf", "iaxprov.conf", "ooh323.conf", "chan_dahdi.conf", "chan_mobile.conf", "motif.conf", "xmpp.conf", "res_snmp.conf", "res_corosync.conf"}

// booted bounds the start of a PBX that loads every module there is, or has a busy machine.
const booted = time.Minute

// sources are the files that an Asterisk begins with.
func sources(t testing.TB, root string, stock bool) []string {
	t.Helper()
	configs := filepath.Join(repository(), "pbx-configs", "asterisk")
	if !stock {
		return append(glob(t, configs+"/complete/*.conf"), glob(t, configs+"/include/extensions_c2d.conf")...)
	}
	samples := glob(t, root+"/etc/asterisk/*.conf")
	if len(samples) == 0 {
		missing(t, "asterisk-samples")
	}
	return slices.DeleteFunc(samples, func(file string) bool { return slices.Contains(strangers, filepath.Base(file)) })
}

// stock is the folder of the configuration that FreeSWITCH comes with: beside the program, or in the package of its makers.
func (f *FreeSWITCH) stock(t testing.TB) string {
	t.Helper()
	prefix := filepath.Dir(filepath.Dir(f.program))
	for _, folder := range []string{"/usr/share/freeswitch/conf/vanilla", prefix + "/etc/freeswitch", prefix + "/conf"} {
		if text, err := os.ReadFile(folder + "/vars.xml"); err == nil && strings.Contains(string(text), "default_password=1234") {
			return folder
		}
	}
	missing(t, "freeswitch-vanilla")
	return ""
}

// stockWords keep such a FreeSWITCH on one address, and let it ask nobody in the internet for it; all else is as it comes.
func stockWords(addr netip.Addr) *strings.Replacer {
	return strings.NewReplacer("$${local_ip_v4}", addr.String(), `name="listen-ip" value="::"`, `name="listen-ip" value="`+addr.String()+`"`,
		`"stun-set"`, `"set"`, "stun:stun.freeswitch.org", addr.String())
}

// boot starts an Asterisk that may have no ARI.
func (a *Asterisk) boot(t testing.TB) {
	t.Helper()
	a.prog = Launch(t, a.dir, a.command[0], a.args("-f")...)
	Eventually(t, booted, "Asterisk has started", func() bool {
		if a.prog.Wait(0) == nil {
			t.Fatalf("Asterisk ended:\n%s", a.prog.Output())
		}
		return exec.Command(a.command[0], a.args("-rx", "core waitfullybooted")...).Run() == nil
	})
}

// Etc returns the path of one of its configuration files.
func (a *Asterisk) Etc(name string) string { return filepath.Join(a.dir, "etc", name) }

// Console gives a command at its console and returns what it says.
func (a *Asterisk) Console(t testing.TB, command string) string {
	t.Helper()
	out, err := exec.Command(a.command[0], a.args("-rx", command)...).CombinedOutput()
	if err != nil {
		t.Fatalf("asterisk -rx %q: %v\n%s", command, err, out)
	}
	return string(out)
}
